"""Access events as JSON, and as Kafka records: the journal's bytes are Kafka's bytes.

The encoding is canonical: an event has one, with the members that this code knows in their order, then those
that it does not know, as they came. A later version adds its members at the end.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec.structs import replace

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import AccountId, EventId, KeyId, VendorId
from keyfold.domain.permissions import ACCESS_WORDS, Access, AccessWord
from keyfold.wire.cloudevents import CONTENT_TYPE
from keyfold.wire.record import Headers, Record
from keyfold.wire.timestamp import format_time, parse_time

ACCESS_TYPE = "keyfold.access.decided"
SOURCE_PREFIX = "/keyfold/gatekeeper/"
RUN_CHARACTERS_MAX = 128
"""The longest name of a gatekeeper's run; it is a key in PostgreSQL."""
WORD_CHARACTERS_MAX = 64
"""The longest category or reason, known or not; both are in keys in PostgreSQL."""
EVENT_REQUESTS_MAX = 2**31 - 1
"""The most requests that one event may stand for."""
POLICY_MAX = 2**31 - 1
"""The highest number of a policy within its run."""

# Other spellings of a UUID are UUIDs too, but two spellings of one id would be two events.
_CANONICAL: Final = r"\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z"
# An index of PostgreSQL takes 2704 bytes; an id of ours has 16 characters.
_OF_AN_ID: Final = msgspec.Meta(max_length=64)
# There will be more categories and reasons than this code knows. An empty one would count as none.
_OF_A_WORD: Final = msgspec.Meta(min_length=1, max_length=WORD_CHARACTERS_MAX)
# The next number must fit into PostgreSQL too: ranges end there.
_Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=2**63 - 1)]
_ACCESSES: Final[Mapping[AccessWord | None, Access | None]] = {
    None: None,
    **{each.word: each for each in Access},
}
_CONTENT_TYPE, _SPECVERSION = ("content-type", CONTENT_TYPE), ("ce_specversion", b"1.0")
_TYPE = ("ce_type", ACCESS_TYPE.encode())
# The parts of a time such as 2026-01-31T23:59:59.000001Z: up to its second, and the next three digits.
_SECOND_CHARACTERS, _MILLISECONDS = 19, slice(20, 23)
# A server may pass on bytes that are not UTF-8 as lone surrogates, which JSON cannot hold; text in PostgreSQL
# cannot hold a NUL. A client that sends either is logged all the same.
_NUL, _ESCAPE = b"\\u0000", ord("\\")
_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")


class MalformedAccessEvent(Exception):
    """A record on the access topic is not an access event; dead-letter it and go on."""


class _AccessJson(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """What each event's JSON has; it may have more, as a gatekeeper may be newer than its reader."""

    event_id: Annotated[EventId, msgspec.Meta(pattern=_CANONICAL)]
    at: str
    account_id: Annotated[AccountId, _OF_AN_ID] | None
    key_id: Annotated[KeyId, _OF_AN_ID] | None
    vendor_id: Annotated[VendorId, _OF_AN_ID] | None
    vendor_key_id: Annotated[KeyId, _OF_AN_ID] | None
    category: Annotated[str, _OF_A_WORD] | None
    access: AccessWord | None
    method: str
    path: str
    decision: str
    reason: Annotated[str, _OF_A_WORD] | None
    position: _Count
    gateway: str
    client_ip: str | None
    gatekeeper: Annotated[str, msgspec.Meta(max_length=RUN_CHARACTERS_MAX)]
    seq: _Count
    traceparent: str | None
    requests: Annotated[int, msgspec.Meta(ge=1, le=EVENT_REQUESTS_MAX)] = 1
    policy: Annotated[int, msgspec.Meta(ge=1, le=POLICY_MAX)] | msgspec.UnsetType = msgspec.UNSET


class _Heading(msgspec.Struct, gc=False):
    """The members of an event's JSON from which its record's key and headers are made."""

    event_id: str
    at: str
    gatekeeper: str
    seq: int
    key_id: str | None = None
    traceparent: str | None = None
    type: str = ACCESS_TYPE


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_AccessJson).decode
_split_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_KNOWN: Final = frozenset(_AccessJson.__struct_fields__)
_decode_heading = msgspec.json.Decoder(_Heading).decode


def encode_access_event(event: AccessEvent) -> bytes:
    """Return the event as one line of JSON, with every field, always in the same order.

    Characters from a client that JSON or PostgreSQL cannot hold are written as U+FFFD.
    """
    line = _encode_known(event)
    return line if event.more is None else b"%b,%b}" % (line[:-1], event.more.encode())


def _encode_known(event: AccessEvent) -> bytes:
    try:
        line = _encode(_to_json(event))
    except UnicodeEncodeError:
        return _encode(_to_json(_replace_unwritable(event)))
    # Searching for one byte takes a tenth of the time, and few events have it.
    if _ESCAPE not in line or _NUL not in line:
        return line
    return _encode(_to_json(_replace_unwritable(event)))


def decode_access_event(line: bytes) -> AccessEvent:
    """Return the event from its JSON. Raises MalformedAccessEvent, which says what is wrong."""
    try:
        return _decode_known(line)
    except msgspec.ValidationError as fault:
        # Asked only now: members that this code does not know come from a newer gatekeeper alone.
        event = _decode_newer(line)
        if event is None:
            raise MalformedAccessEvent(f"{type(fault).__name__}: {fault}") from fault
        return event
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise MalformedAccessEvent(f"{type(fault).__name__}: {fault}") from fault


def _decode_known(line: bytes) -> AccessEvent:
    written = _decode(line)
    if _NUL in line:
        _check_text(written)
    return _to_event(written)


def _decode_newer(line: bytes) -> AccessEvent | None:
    """Return the event of JSON with members that are not known; None if it has none, or is another record."""
    try:
        members = _split_members(line)
        more = [name for name in members if name not in _KNOWN]
        if not more or "type" in members:
            return None
        known = _encode({name: value for name, value in members.items() if name in _KNOWN})
        kept = b",".join(b"%b:%b" % (_encode(name), bytes(members[name])) for name in more)
        return replace(_decode_known(known), more=kept.decode())
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def access_record(line: bytes) -> Record:
    """Return the Kafka record for the JSON of an event, or of another record of a run, which says its `type`.

    Its key is the subscriber key's id, so that a key's events keep their order; without a subscriber key it
    has none.

    Only the members that make key and headers are read: whoever reads the record checks the rest. Raises
    MalformedAccessEvent.
    """
    # Every shipped event passes through here: what many of them share is made once.
    try:
        heading = _decode_heading(line)
        at = heading.at
        timestamp_ms = _second_ms(at[:_SECOND_CHARACTERS]) + int(at[_MILLISECONDS])
    except (msgspec.MsgspecError, ValueError) as fault:
        raise MalformedAccessEvent(f"{type(fault).__name__}: {fault}") from fault
    headers: Headers = (
        _CONTENT_TYPE,
        _SPECVERSION,
        ("ce_id", heading.event_id.encode()),
        _source(heading.gatekeeper),
        _TYPE if heading.type == ACCESS_TYPE else ("ce_type", heading.type.encode()),
        ("ce_time", at.encode()),
        ("ce_seq", b"%d" % heading.seq),
    )
    key = None
    if heading.key_id is not None:
        key = heading.key_id.encode()
        headers += (("ce_subject", key),)
    if heading.traceparent is not None:
        headers += (("traceparent", heading.traceparent.encode()),)
    return Record(key, line, headers, timestamp_ms)


def seq_of(record: Record) -> int:
    """Return the number that `access_record` gave the record of its event."""
    return int(dict(record.headers)["ce_seq"])


def id_of(record: Record) -> str:
    """Return the id that `access_record` gave the record of its event."""
    return dict(record.headers)["ce_id"].decode()


@lru_cache(maxsize=64)
def _source(gatekeeper: str) -> tuple[str, bytes]:
    return "ce_source", f"{SOURCE_PREFIX}{gatekeeper}".encode()


@lru_cache(maxsize=64)
def _second_ms(second: str) -> int:
    return int(datetime.fromisoformat(second).replace(tzinfo=UTC).timestamp()) * 1000


def _check_text(written: _AccessJson) -> None:
    # PostgreSQL's text cannot hold a NUL, and a record that cannot be filed must be recognised here.
    if any(isinstance(value, str) and "\x00" in value for value in msgspec.structs.astuple(written)):
        raise ValueError("text without a NUL expected")


def _to_event(written: _AccessJson) -> AccessEvent:
    event = AccessEvent(
        event_id=written.event_id,
        at=parse_time(written.at),
        account_id=written.account_id,
        key_id=written.key_id,
        vendor_id=written.vendor_id,
        vendor_key_id=written.vendor_key_id,
        category=written.category,
        access=_ACCESSES[written.access],
        method=written.method,
        path=written.path,
        reason=written.reason,
        position=written.position,
        gateway=written.gateway,
        client_ip=written.client_ip,
        gatekeeper=written.gatekeeper,
        seq=written.seq,
        traceparent=written.traceparent,
        requests=written.requests,
        policy=None if written.policy is msgspec.UNSET else written.policy,
    )
    if written.decision != event.decision:
        raise ValueError("`decision` and `reason` contradict each other")
    return event


def _to_json(event: AccessEvent) -> _AccessJson:
    access = event.access
    return _AccessJson(
        event.event_id,
        format_time(event.at),
        event.account_id,
        event.key_id,
        event.vendor_id,
        event.vendor_key_id,
        event.category,
        None if access is None else ACCESS_WORDS[access],
        event.method,
        event.path,
        event.decision,
        event.reason,
        event.position,
        event.gateway,
        event.client_ip,
        event.gatekeeper,
        event.seq,
        event.traceparent,
        event.requests,
        msgspec.UNSET if event.policy is None else event.policy,
    )


def _replace_unwritable(event: AccessEvent) -> AccessEvent:
    return replace(
        event,
        method=_UNWRITABLE.sub("\ufffd", event.method),
        path=_UNWRITABLE.sub("\ufffd", event.path),
        client_ip=None if event.client_ip is None else _UNWRITABLE.sub("\ufffd", event.client_ip),
        traceparent=None if event.traceparent is None else _UNWRITABLE.sub("\ufffd", event.traceparent),
    )
