"""Up to when a sink has caught up: each partition is written up to where it ended at that time."""

from collections.abc import Mapping
from datetime import datetime

from keyfold.wire.offsets import PartitionEnd


class CatchingUp:
    """Keeps the ends of this process's partitions until they are written up to there.

    A later end does not replace one that is not reached yet: on a busy topic none would ever be reached.
    """

    def __init__(self) -> None:
        self._awaited: dict[int, PartitionEnd] = {}

    def expect(self, end_offsets: Mapping[int, int], asked_at: datetime) -> None:
        """Keep the ends that partitions had at that time."""
        for partition, offset in end_offsets.items():
            self._awaited.setdefault(partition, PartitionEnd(offset=offset, asked_at=asked_at))

    def take_reached(self, written: Mapping[int, int]) -> Mapping[int, PartitionEnd]:
        """Return the ends that are reached, each once; `written` has the next offset to write of each."""
        # If another process has taken a partition over, its end is for that process to note.
        reached = {
            partition: end
            for partition, end in self._awaited.items()
            if partition in written and written[partition] >= end.offset
        }
        self._awaited = {
            partition: end
            for partition, end in self._awaited.items()
            if partition in written and partition not in reached
        }
        return reached
