"""A Kafka record as bytes: what is sent, and what is received."""

from __future__ import annotations

from msgspec import Struct

Headers = tuple[tuple[str, bytes], ...]


class Record(Struct, frozen=True, gc=False):
    """A record to publish; `timestamp_ms` is the event's own time since the epoch.

    `value` is None only for a dead letter whose own record had none.
    """

    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int


class Received(Struct, frozen=True, gc=False):
    """A record as the broker gave it, not parsed at all; `value` is None for a tombstone."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int
