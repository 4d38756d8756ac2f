"""When what is written to the journal is on the disk too, and so outlives the machine's power."""

from threading import Lock
from typing import Final

from keyfold.gatekeeper.journal.directory import RunDirectory
from keyfold.gatekeeper.journal.segment import Segment
from keyfold.gatekeeper.settings import JournalSync


class Syncing:
    """Brings segments of one run to the disk, with their names."""

    def __init__(self, directory: RunDirectory, mode: JournalSync) -> None:
        self.is_always: Final = mode == "always"
        self.is_interval: Final = mode == "interval"
        self._directory = directory
        self._left: list[Segment] = []
        self._is_name_due = True
        # At the end a thread may be at it yet.
        self._one_at_a_time = Lock()

    def begin(self) -> None:
        """Take note of a segment that was made: its name is not on the disk yet."""
        self._is_name_due = True

    def leave(self, segment: Segment) -> None:
        """Let go of a segment that nothing will be written to. Raises OSError."""
        if self.is_interval:
            self._left.append(segment)
        else:
            segment.close()

    def sync(self, segment: Segment) -> None:
        """Return when everything is on the disk, of this segment and of those left before. Raises OSError."""
        with self._one_at_a_time:
            # This one first, and of the others those that are left by now: it may be left meanwhile.
            segment.sync()
            for each in list(self._left):
                each.sync()
                self._left.remove(each)
                each.close()
            if self._is_name_due:
                # First, for the next segment may be made meanwhile.
                self._is_name_due = False
                self._sync_names()

    def probe(self) -> None:
        """Raise OSError unless the disk takes a file of some size, and all of it where that is waited for."""
        self._directory.probe()
        if self.is_always:
            self._directory.sync()

    def close(self, segment: Segment) -> None:
        """Let go of everything. It is on the disk then, unless that is left to the system. Raises OSError."""
        try:
            if self.is_interval:
                self.sync(segment)
        finally:
            for each in (*self._left, segment):
                each.close()

    def _sync_names(self) -> None:
        try:
            self._directory.sync()
        except OSError:
            self._is_name_due = True
            raise
