"""The hash chain: every row's hash covers the row and the hash of the one before it."""

from datetime import datetime
from hashlib import sha256
from typing import NamedTuple, TypeAlias

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


class ChainedRow(NamedTuple):
    """A row in the chain: its hash (32 bytes), and the registry's seal (64 bytes) where a batch ends."""

    row: Row
    hash: bytes
    seal: bytes | None

    @property
    def head(self) -> Head:
        """The head that a ledger has which ends here."""
        return Head(position=self.row.position, hash=self.hash)


class LedgerGap(Exception):
    """Positions are missing: the events there may be revocations. Wait for them, and allow nothing."""

    def __init__(self, *, last: int, found: int) -> None:
        super().__init__(f"position {found} follows {last}: {found - last - 1} events are missing")
        self.found = found


def hash_row(previous_hash: bytes, row: Row) -> bytes:
    """Return SHA-256(previous hash || canonical bytes of the row): a JSON array of its fields in order."""
    return hash_fields(previous_hash, astuple(row))


def hash_fields(previous_hash: bytes, fields: Fields) -> bytes:
    """Return the hash of a row from its bare fields."""
    return sha256(previous_hash + orjson.dumps(fields)).digest()


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
