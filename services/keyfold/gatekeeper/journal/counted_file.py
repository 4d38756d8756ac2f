"""Counts of requests while they grow: handed to the kernel like the journal, but overwritten in place."""

import errno
import os
from pathlib import Path
from typing import Final, Self

from keyfold.domain.access.event import AccessEvent
from keyfold.wire.journal.counted_slots import SLOT_BYTES, SLOTS_MAX, count_bytes, empty_slot
from keyfold.wire.journal.files import COUNTED


class CountedFile:
    """Slots of events that are counting. The file is as long as the most slots ever in use at once.

    A method that raises OSError has changed no count.
    """

    def __init__(self, descriptor: int, *, slots_max: int = SLOTS_MAX) -> None:
        self._descriptor: Final = descriptor
        # The first free slot is taken first, so that the file stays short.
        self._free = list(range(slots_max - 1, -1, -1))
        self._is_synced = True

    @classmethod
    def create(cls, run: Path) -> Self:
        """Create the file of a run. Raises OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return cls(os.open(run / COUNTED, flags, 0o640))

    def begin(self, event: AccessEvent) -> int | None:
        """Return a slot for the event, with a count of 0; None if no slot is free. Raises OSError."""
        content = empty_slot(event)
        if content is None or not self._free:
            return None
        # The whole slot in one write: the old event never stands beside the new count, nor the other way
        # round.
        self._write(content, self._free[-1])
        return self._free.pop()

    def note(self, slot: int, requests: int) -> None:
        """Write how many requests the slot's event stands for. Raises OSError."""
        self._write(count_bytes(requests), slot)

    def release(self, slot: int) -> None:
        """Free the slot, once the journal has its event. Raises OSError."""
        self.note(slot, 0)
        self._free.append(slot)

    def sync(self) -> None:
        """Return when the disk has everything that was written. Raises OSError."""
        if not self._is_synced:
            self._is_synced = True  # first, because something may be written meanwhile
            os.fdatasync(self._descriptor)

    def _write(self, content: bytes, slot: int) -> None:
        self._is_synced = False
        if os.pwrite(self._descriptor, content, slot * SLOT_BYTES) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
