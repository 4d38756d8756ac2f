"""The directory where one run of a gatekeeper writes its journal, locked as long as the writer lives."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from keyfold.runtime.boot import boot_id
from keyfold.wire.journal.files import WRITER_LOCK, hidden_name

_PROBE_NAME: Final = ".probe"
_PROBE_BYTES: Final = 64 * 1024


class RunDirectory:
    """`<journal directory>/<run id>/`. If its file `lock` can be locked, the writer is dead."""

    def __init__(self, root: Path, run_id: str) -> None:
        """Create and lock the directory. Raises OSError."""
        self.run_id = run_id
        self.path = root / run_id
        self._root = root
        self._lock = self._create(root / hidden_name(run_id))

    def _create(self, unnamed: Path) -> int:
        # It gets its name only once it is locked, so that nobody finds it unlocked while the writer lives.
        unnamed.mkdir(parents=True, mode=0o750)
        lock = os.open(unnamed / WRITER_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with suppress(OSError):  # without it the shipper cannot know that nothing was lost, and reports that
            os.write(lock, boot_id().encode())
        unnamed.rename(self.path)
        return lock

    def total_bytes(self) -> int:
        """Return the size of all journals under the same root, without files that vanish meanwhile."""
        total = 0
        for run in _entries(self._root):
            for each in _entries(run.path):
                with suppress(OSError):
                    total += each.stat().st_size
        return total

    def probe(self) -> None:
        """Raise OSError unless the disk takes a file of some size."""
        probe = self.path / _PROBE_NAME
        try:
            probe.write_bytes(bytes(_PROBE_BYTES))
        finally:
            probe.unlink(missing_ok=True)

    def sync(self) -> None:
        """Sync the names of this run's files, and of its directory, to the disk. Raises OSError."""
        for directory in (self.path, self._root):
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def close(self) -> None:
        """Release the lock."""
        os.close(self._lock)


def _entries(directory: Path | str) -> list[os.DirEntry[str]]:
    # Without Path objects, which would take several times as long while answers wait.
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError:
        return []
