"""When the journal is synced to the disk, so that it survives a loss of power."""

from threading import Lock
from typing import Final

from keyfold.gatekeeper.journal.directory import RunDirectory
from keyfold.gatekeeper.journal.segment import Segment
from keyfold.gatekeeper.settings import JournalSync


class Syncing:
    """Syncs the segments of one run to the disk, with their names."""

    def __init__(self, directory: RunDirectory, mode: JournalSync) -> None:
        self.is_always: Final = mode == "always"
        self.is_interval: Final = mode == "interval"
        self._directory = directory
        self._left: list[Segment] = []
        self._is_name_due = True
        # When the process ends, a thread may still be syncing.
        self._one_at_a_time = Lock()

    def begin(self) -> None:
        """Note that a segment was made: its name is not on the disk yet."""
        self._is_name_due = True

    def leave(self, segment: Segment) -> None:
        """Close a segment that is written to no more, after its last sync if one is due. Raises OSError."""
        if self.is_interval:
            self._left.append(segment)
        else:
            segment.close()

    def sync(self, segment: Segment) -> None:
        """Return when this segment and those left before it are on the disk. Raises OSError."""
        with self._one_at_a_time:
            # This one first, then a copy of the list: this one may be left meanwhile.
            segment.sync()
            for each in list(self._left):
                each.sync()
                self._left.remove(each)
                each.close()
            if self._is_name_due:
                # Cleared first, because the next segment may be made meanwhile.
                self._is_name_due = False
                self._sync_names()

    def probe(self) -> None:
        """Raise OSError unless the disk takes a file of some size, and a sync too if answers wait for one."""
        self._directory.probe()
        if self.is_always:
            self._directory.sync()

    def close(self, segment: Segment) -> None:
        """Close every segment, after a last sync unless that is left to the system. Raises OSError."""
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
