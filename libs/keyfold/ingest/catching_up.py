"""Up to when a sink has caught up: each of its partitions is written to where it ended then."""

from collections.abc import Mapping
from datetime import datetime

from keyfold.wire.offsets import PartitionEnd


class CatchingUp:
    """Keeps where this process's partitions ended until they are written so far.

    An end is not replaced by a later one before it is reached: on a busy topic none would ever be.
    """

    def __init__(self) -> None:
        self._awaited: dict[int, PartitionEnd] = {}

    def expect(self, end_offsets: Mapping[int, int], asked_at: datetime) -> None:
        """Take note of where partitions ended at that time."""
        for partition, offset in end_offsets.items():
            self._awaited.setdefault(partition, PartitionEnd(offset=offset, asked_at=asked_at))

    def reached(self, written: Mapping[int, int]) -> Mapping[int, PartitionEnd]:
        """Return the ends that are reached, each once; `written` is what is to be written next of each."""
        # What another process took over in the meantime is that one's to note.
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
