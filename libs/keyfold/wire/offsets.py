"""How far a topic's partitions have been written somewhere, and where they ended."""

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
    """The end offset that a partition had in Kafka when it was asked for, by its writer's clock."""

    offset: int
    asked_at: datetime
