"""An answer as bytes: what is sent, and what is kept to be sent again."""

from dataclasses import replace

import orjson
from pydantic import BaseModel

from keyfold.runtime.http import Answer
from keyfold.store.access_log.activity import LastUse
from keyfold.wire.timestamp import format_time


def as_bytes(answer: Answer) -> Answer:
    """Return the answer with its body as the bytes that are sent."""
    match answer.body:
        case None | bytes():
            return answer
        case BaseModel():
            return replace(answer, body=answer.body.model_dump_json().encode())
        case _:
            raise TypeError("a command answers with a model")


def packed(answer: Answer) -> bytes:
    """Write a whole answer that `as_bytes` gave."""
    body = answer.body.decode() if isinstance(answer.body, bytes) else None
    return orjson.dumps({"status": answer.status, "headers": dict(answer.headers), "body": body})


def unpacked(text: bytes) -> Answer:
    """Read what `packed` wrote."""
    members = orjson.loads(text)
    body = members["body"]
    return Answer(
        status=members["status"],
        headers=members["headers"],
        body=None if body is None else body.encode(),
    )


def with_member(answer: Answer, name: str, value: bool) -> Answer:
    """Return the answer with one more member at the top of its JSON body."""
    members = orjson.loads(answer.body) if isinstance(answer.body, bytes) else {}
    return replace(answer, body=orjson.dumps({**members, name: value}))


def with_last_used(answer: Answer, last: LastUse) -> Answer:
    """Return the answer with the last use of the key that it is, or that it holds as `key`."""
    members = orjson.loads(answer.body) if isinstance(answer.body, bytes) else {}
    key = members.get("key", members)
    key["last_used_at"] = None if last.used_at is None else format_time(last.used_at)
    key["last_refused_at"] = None if last.refused_at is None else format_time(last.refused_at)
    return replace(answer, body=orjson.dumps(members))
