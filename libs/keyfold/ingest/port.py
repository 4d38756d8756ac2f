"""What records are delivered to: the few methods of a sink, who shares partitions out, and who measures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeAlias, TypeVar

from keyfold.runtime.failure import TryLater
from keyfold.wire.offsets import Advance, PartitionEnd
from keyfold.wire.record import Received

R = TypeVar("R")

Batches: TypeAlias = Mapping[int, Sequence[Received]]
"""Records by their partition, in their order."""


class SinkAway(TryLater):
    """The sink does not answer. What was to be written may have been written all the same: try again."""


class WriterFenced(Exception):
    """Another process has written from these partitions; of this nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A record that cannot be written. `kind` is why in a word, and `reason` quotes nothing of it.

    `is_damage` tells that it could not be understood: of too many such the reader doubts itself.
    """

    received: Received
    kind: str
    reason: str
    is_damage: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted(Generic[R]):
    """Records that were looked at: what is ready to be written, and what is set aside."""

    ready: R
    set_aside: Sequence[SetAside]


class Sink(Protocol[R]):
    """Keeps records. Every method but `accept` raises SinkAway."""

    @property
    def name(self) -> str:
        """What it is called where it is waited for, such as PostgreSQL."""
        ...

    async def next_offsets(self, partitions: frozenset[int]) -> Mapping[int, int]:
        """Return the next offset of each of these partitions that was ever written from."""
        ...

    async def accept(self, batches: Batches) -> Accepted[R]:
        """Make records ready, while others may be being written."""
        ...

    async def write(self, ready: R | None, advances: Sequence[Advance]) -> None:
        """Write what is ready and move the offsets, both or neither; what is there already is left out.

        None moves offsets alone. Raises WriterFenced where an offset is not the expected one.
        """
        ...

    async def time(self) -> datetime:
        """Return what the sink's clock says."""
        ...

    async def note_caught_up(self, ends: Mapping[int, PartitionEnd]) -> None:
        """Note that it has all that these partitions held when they ended there."""
        ...


class Share(Protocol):
    """Shares a topic's partitions out among the processes that read it."""

    async def settle(self, partitions: int) -> frozenset[int]:
        """Return which of so many partitions are this process's now. Raises SinkAway."""
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
