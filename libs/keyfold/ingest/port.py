"""The ports of ingest: a sink, a share of partitions, and measures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeAlias, TypeVar

from keyfold.runtime.failure import TryLater
from keyfold.wire.offsets import Advance, PartitionEnd
from keyfold.wire.record import Received

R = TypeVar("R")

Batches: TypeAlias = Mapping[int, Sequence[Received]]
"""Records by partition, in order."""


class SinkAway(TryLater):
    """The sink does not answer. The write may still have happened: try again."""


class WriterFenced(Exception):
    """Another process has written from these partitions; this write did nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A record that cannot be written. `kind` is the reason in one word, and `reason` never quotes it.

    `is_damage` says that it could not be understood: of such records only so many are kept whole.
    """

    received: Received
    kind: str
    reason: str
    is_damage: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted(Generic[R]):
    """What is ready to be written, and what is set aside."""

    ready: R
    set_aside: Sequence[SetAside]


class Sink(Protocol[R]):
    """Stores records. Every method but `accept` raises SinkAway."""

    @property
    def name(self) -> str:
        """Its name in texts for people, such as PostgreSQL."""
        ...

    async def next_offsets(self, partitions: frozenset[int]) -> Mapping[int, int]:
        """Return the next offset of each of these partitions that was ever written from."""
        ...

    async def accept(self, batches: Batches) -> Accepted[R]:
        """Make records ready to be written, possibly while others are being written."""
        ...

    async def write(self, ready: R | None, advances: Sequence[Advance]) -> None:
        """Write what is ready and move the offsets, both or neither; leave out what is there already.

        With None it only moves the offsets. Raises WriterFenced if an offset is not the expected one.
        """
        ...

    async def time(self) -> datetime:
        """Return the time by the sink's clock."""
        ...

    async def note_caught_up(self, ends: Mapping[int, PartitionEnd]) -> None:
        """Note that the sink has everything that these partitions held when they ended there."""
        ...


class Share(Protocol):
    """Divides a topic's partitions among the processes that read it."""

    async def settle(self, partitions: int) -> frozenset[int]:
        """Return which of the topic's partitions are this process's now. Raises SinkAway."""
        ...


class IngestMeasures(Protocol):
    """Measures what happens, as a service's metrics."""

    def count_fenced(self) -> None:
        """Count a batch that was given up because another process has written from its partitions."""
        ...

    def count_gone(self, partition: int, records: int) -> None:
        """Count records that Kafka deleted before they were written."""
        ...

    def count_set_aside(self, kind: str) -> None:
        """Count a record that was set aside."""
        ...

    def set_lag(self, records: int) -> None:
        """Set how many records of this process's partitions are not written yet."""
        ...
