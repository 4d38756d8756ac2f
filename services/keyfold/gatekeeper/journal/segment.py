"""One file of the journal: every line in it is whole."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Self

from keyfold.wire.journal.files import segment_name


class Segment:
    """An append-only file, named for the number of its first record."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_torn = False
        self.size_bytes = 0

    @classmethod
    def create(cls, directory: Path, first_seq: int) -> Self:
        """Create the file whose first record has that number. Raises OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        return cls(os.open(directory / segment_name(first_seq), flags, 0o640))

    def append(self, lines: bytes) -> int:
        """Hand lines to the kernel in one write; return how many bytes, in whole lines, are in the file.

        They are not all if the disk is full. Raises OSError if none is.
        """
        self.mend()
        self._is_torn = True
        written = os.write(self._descriptor, lines)
        if written == len(lines):
            self.size_bytes += written
            self._is_torn = False
            return written
        # The shipper may have read the whole lines already, so they stay; the torn one is cut off.
        whole = lines.rfind(b"\n", 0, written) + 1
        self.size_bytes += whole
        with suppress(OSError):
            self.mend()
        return whole

    def mend(self) -> None:
        """Cut off the torn line that an earlier write may have left. Raises OSError."""
        if self._is_torn:
            os.ftruncate(self._descriptor, self.size_bytes)
            self._is_torn = False

    def sync(self) -> None:
        """Return when the disk has everything that was written. Raises OSError."""
        os.fdatasync(self._descriptor)

    @property
    def is_removed(self) -> bool:
        """Whether the file has no name any more, so that nobody can find it."""
        try:
            return os.fstat(self._descriptor).st_nlink == 0
        except OSError:
            return False  # the next write shows it

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
