"""A Kafka record as bytes: what is sent, and what is received."""

from __future__ import annotations

from dataclasses import dataclass

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record to publish; `timestamp_ms` is the event's own time since the epoch.

    `value` is None only for a dead letter that came without one.
    """

    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A record as the broker gave it. Nothing in it has been parsed: `value` is None for a tombstone."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int
