"""An answer is a model, or its members once something was added, until it is encoded: here to be kept."""

from collections.abc import Mapping
from dataclasses import replace

import orjson
from pydantic import BaseModel

from keyfold.runtime.http import Answer
from keyfold.store.access_log.activity import LastUse


def add_members(answer: Answer, **members: object) -> Answer:
    """Return the answer with more members at the top of its JSON body."""
    return replace(answer, body={**_members_of(answer), **members})


def add_last_use(answer: Answer, last: LastUse) -> Answer:
    """Return the answer with the last use of the key that it is, or that it holds as `key`."""
    use = {"last_used_at": last.used_at, "last_refused_at": last.refused_at}
    members = _members_of(answer)
    if isinstance(key := members.get("key"), Mapping):
        return replace(answer, body={**members, "key": {**key, **use}})
    return replace(answer, body={**members, **use})


def pack(answer: Answer) -> bytes:
    """Write a whole answer, to be kept."""
    body = answer.encode()
    text = None if body is None else body.decode()
    return orjson.dumps({"status": answer.status, "headers": dict(answer.headers), "body": text})


def unpack(packed: bytes) -> Answer:
    """Read what `pack` wrote."""
    kept = orjson.loads(packed)
    body = kept["body"]
    return Answer(
        status=kept["status"],
        headers=kept["headers"],
        body=None if body is None else orjson.loads(body),
    )


def _members_of(answer: Answer) -> Mapping[str, object]:
    match answer.body:
        case None:
            return {}
        case BaseModel():
            return answer.body.model_dump(mode="json")
        case Mapping():
            return answer.body
        case bytes():
            raise TypeError("a command answers with a model")
