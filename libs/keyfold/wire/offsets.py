"""Offsets: how far a topic's partitions have been written to a sink, and where they ended."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """One partition's step: from the offset that must be stored now to the one after what is written."""

    partition: int
    expected: int
    next: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionEnd:
    """A partition's end offset in Kafka, and when it was asked for, by the sink's clock."""

    offset: int
    asked_at: datetime
