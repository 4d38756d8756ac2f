"""Access events to JSON and back, and as Kafka records: the journal's bytes are Kafka's bytes."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from uuid import UUID

import orjson

from libs.domain.access_event import AccessEvent
from libs.domain.decision import Reason
from libs.domain.ids import AccountId, EventId, KeyId, VendorId
from libs.domain.permissions import ACCESS_WORDS, Access, Category
from libs.wire.cloudevents import cloudevent_headers
from libs.wire.record import Record
from libs.wire.timestamp import format_time, parse_time

ACCESS_TYPE = "keyfold.access.decided"
SOURCE_PREFIX = "/keyfold/gatekeeper/"
RUN_CHARACTERS_MAX = 128
"""How long the name of a gatekeeper's run may be; it is a key in PostgreSQL."""

_T = TypeVar("_T")
# A server may hand on bytes that are no UTF-8 as lone surrogates, which JSON cannot hold; text in PostgreSQL
# cannot hold a NUL. A client that sends either is logged all the same.
_NUL = b"\\u0000"
_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")


class MalformedAccessEvent(Exception):
    """A record on the access topic that is no access event; dead-letter it and go on."""


def encode_access_event(event: AccessEvent) -> bytes:
    """Return the event as one line of JSON: every field always there, in one order.

    What a client sent and JSON or PostgreSQL cannot hold is written as U+FFFD.
    """
    try:
        line = orjson.dumps(_fields(event))
    except orjson.JSONEncodeError:
        return orjson.dumps(_fields(_writable(event)))
    return line if _NUL not in line else orjson.dumps(_fields(_writable(event)))


def decode_access_event(line: bytes) -> AccessEvent:
    """Return the event that JSON holds. Raises MalformedAccessEvent, saying what is wrong."""
    try:
        return _event(orjson.loads(line))
    except (ValueError, TypeError, KeyError) as fault:
        raise MalformedAccessEvent(f"{type(fault).__name__}: {fault}") from fault


def access_record(line: bytes) -> Record:
    """Return the Kafka record for an event's JSON: keyed by subscriber key id, so that a key's events keep
    their order; without a key, by nothing. Raises MalformedAccessEvent."""
    event = decode_access_event(line)
    attributes = {
        "specversion": "1.0",
        "id": event.event_id,
        "source": SOURCE_PREFIX + event.gatekeeper,
        "type": ACCESS_TYPE,
        "time": format_time(event.at),
        "seq": str(event.seq),
    }
    if event.key_id is not None:
        attributes["subject"] = event.key_id
    return Record(
        key=None if event.key_id is None else event.key_id.encode(),
        value=line,
        headers=cloudevent_headers(attributes, event.traceparent),
        timestamp_ms=int(event.at.timestamp() * 1000),
    )


def _event(data: Mapping[str, Any]) -> AccessEvent:
    event = AccessEvent(
        event_id=_event_id(_text(data["event_id"])),
        at=parse_time(data["at"]),
        account_id=_optional(AccountId, data["account_id"]),
        key_id=_optional(KeyId, data["key_id"]),
        vendor_id=_optional(VendorId, data["vendor_id"]),
        vendor_key_id=_optional(KeyId, data["vendor_key_id"]),
        category=_optional(Category, data["category"]),
        access=_optional(Access.of, data["access"]),
        method=_text(data["method"]),
        path=_text(data["path"]),
        reason=_optional(Reason, data["reason"]),
        position=_count(data["position"]),
        gateway=_text(data["gateway"]),
        client_ip=_optional(str, data["client_ip"]),
        gatekeeper=_run(_text(data["gatekeeper"])),
        seq=_count(data["seq"]),
        traceparent=_optional(str, data["traceparent"]),
    )
    if data["decision"] != event.decision:
        raise ValueError("`decision` and `reason` contradict each other")
    return event


def _fields(event: AccessEvent) -> dict[str, object]:
    (
        event_id,
        at,
        account_id,
        key_id,
        vendor_id,
        vendor_key_id,
        category,
        access,
        method,
        path,
        reason,
        position,
        gateway,
        client_ip,
        gatekeeper,
        seq,
        traceparent,
    ) = event
    return {
        "event_id": event_id,
        "at": format_time(at),
        "account_id": account_id,
        "key_id": key_id,
        "vendor_id": vendor_id,
        "vendor_key_id": vendor_key_id,
        "category": category,
        "access": None if access is None else ACCESS_WORDS[access],
        "method": method,
        "path": path,
        "decision": "allow" if reason is None else "deny",
        "reason": reason,
        "position": position,
        "gateway": gateway,
        "client_ip": client_ip,
        "gatekeeper": gatekeeper,
        "seq": seq,
        "traceparent": traceparent,
    }


def _writable(event: AccessEvent) -> AccessEvent:
    return event._replace(
        method=_UNWRITABLE.sub("\ufffd", event.method),
        path=_UNWRITABLE.sub("\ufffd", event.path),
        client_ip=None if event.client_ip is None else _UNWRITABLE.sub("\ufffd", event.client_ip),
        traceparent=None if event.traceparent is None else _UNWRITABLE.sub("\ufffd", event.traceparent),
    )


def _event_id(text: str) -> EventId:
    # UUID also reads braces, capitals and URNs; two spellings of one id would be two events.
    if str(UUID(text)) != text:
        raise ValueError("an event's id is a UUID in its canonical form")
    return EventId(text)


def _run(text: str) -> str:
    if len(text) > RUN_CHARACTERS_MAX:
        raise ValueError("the name of a gatekeeper's run is too long")
    return text


def _text(value: object) -> str:
    # PostgreSQL's text cannot hold a NUL, and a record that cannot be filed must be told apart here.
    if not isinstance(value, str) or "\x00" in value:
        raise TypeError(f"text expected, not {type(value).__name__}")
    return value


def _count(value: object) -> int:
    # The number behind it must be one for PostgreSQL too: ranges end there.
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63 - 1:
        raise TypeError("a count from 0 expected")
    return value


def _optional(kind: Callable[[str], _T], value: object) -> _T | None:
    return None if value is None else kind(_text(value))
