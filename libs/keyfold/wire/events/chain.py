"""The hash chain: every row of the ledger seals the one before it, and every reader checks the seal."""

from datetime import datetime
from hashlib import sha256
from typing import TypeAlias

import orjson
from msgspec import Struct
from msgspec.structs import astuple

from keyfold.domain.ids import EventId, StreamId
from keyfold.domain.lifecycle.fold import Actor, RecordedEvent
from keyfold.wire.events.codec import UnknownEvent, decode_event
from keyfold.wire.timestamp import parse_time


class Head(Struct, frozen=True, kw_only=True, gc=False):
    """How far a reader has come: the last position, and its hash (32 bytes)."""

    position: int
    hash: bytes


GENESIS = Head(position=0, hash=bytes(32))
"""Where every ledger begins: before position 1."""


class Row(Struct, frozen=True, kw_only=True, gc=False):
    """One row of the ledger as text: what is hashed, stored and sent, not yet decoded.

    `recorded_at` is RFC 3339 with microseconds, `data` the event's canonical JSON, `traceparent` the W3C
    Trace Context of the request that made the event, None if it had none.
    """

    position: int
    stream: str
    version: int
    event_id: str
    type: str
    schema_version: int
    data: str
    actor_role: str
    actor_subject: str
    request_id: str
    recorded_at: str
    traceparent: str | None


Fields: TypeAlias = tuple[int, str, int, str, str, int, str, str, str, str, str, str | None]
"""A row's bare fields in the order of `Row`, for readers of millions, which make no object of each."""


class LedgerGap(Exception):
    """Positions are missing; stop, as a missing event may be a revocation. Replay from the ledger."""

    def __init__(self, *, last: int, found: int) -> None:
        super().__init__(f"position {found} follows {last}: {found - last - 1} events are missing")


class BrokenChain(Exception):
    """A row's hash does not match its content and its predecessor; stop, and verify the ledger."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the hash at position {position} does not seal its row and the one before")


def seal(previous_hash: bytes, row: Row) -> bytes:
    """Return SHA-256(previous hash || canonical bytes of the row): a JSON array of its fields in order."""
    return seal_fields(previous_hash, astuple(row))


def seal_fields(previous_hash: bytes, fields: Fields) -> bytes:
    """Return the seal of a row from its bare fields."""
    return sha256(previous_hash + orjson.dumps(fields)).digest()


def follow(head: Head, row: Row, row_hash: bytes) -> Head | None:
    """Return the head after the row, or None for a row that was seen already and must be dropped.

    Raises LedgerGap if a position is missing, and BrokenChain if the row does not fit the one before.
    """
    if row.position <= head.position:
        return None
    if row.position != head.position + 1:
        raise LedgerGap(last=head.position, found=row.position)
    if seal(head.hash, row) != row_hash:
        raise BrokenChain(row.position)
    return Head(position=row.position, hash=row_hash)


def understand(row: Row, row_hash: bytes) -> RecordedEvent:
    """Return the row's recorded event. Raises UnknownEvent."""
    return RecordedEvent(
        position=row.position,
        stream=StreamId(row.stream),
        version=row.version,
        event_id=EventId(row.event_id),
        event=decode_event(row.type, row.schema_version, row.data),
        actor=Actor(role=row.actor_role, subject=row.actor_subject),
        request_id=row.request_id,
        recorded_at=_recorded_at(row),
        hash=row_hash,
    )


def _recorded_at(row: Row) -> datetime:
    try:
        return parse_time(row.recorded_at)
    except ValueError as fault:
        raise UnknownEvent(f"{row.type} was recorded at no time: {fault}") from fault
