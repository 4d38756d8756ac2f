"""The checkpoints file: a line for each checkpoint, only appended to, for an operator to ship elsewhere."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from keyfold.wire.proof.signed_head import BadHeadLine, SignedHead, format_line, parse_line

_TAIL_BYTES = 4096
"""More than two lines: the last whole one is in it, and what may have been torn off behind it."""


class BadCheckpointFile(Exception):
    """The file does not end as this program writes it, so nothing is appended. Look what touched it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _FileEnd:
    """The last whole line, and what a crash left of the one behind it."""

    last: SignedHead | None
    torn: bytes


class CheckpointFile:
    """One file, which several processes of a host may share. Its calls wait for the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def last(self) -> SignedHead | None:
        """Return the last checkpoint in the file. Raises BadCheckpointFile or OSError."""
        with self._lock() as file:
            return _find_end(file).last

    def append(self, checkpoints: Sequence[SignedHead]) -> int:
        """Append those, in their order, that go beyond the last one, and return how many. On disk when done.

        Raises BadCheckpointFile or OSError.
        """
        with self._lock() as file:
            end = _find_end(file)
            vouched = end.last.claim.position if end.last else 0
            lines = [format_line(each) for each in checkpoints if each.claim.position > vouched]
            if lines:
                self._write(file, b"".join(lines), end.torn)
        return len(lines)

    def _write(self, file: IO[bytes], content: bytes, torn: bytes) -> None:
        # A line is the same each time, so a torn one is completed: the file may be one that only ever grows.
        if not content.startswith(torn):
            raise BadCheckpointFile(f"{self._path} ends in the middle of a line that is not the next one")
        file.write(content[len(torn) :])
        file.flush()
        os.fsync(file.fileno())

    @contextmanager
    def _lock(self) -> Iterator[IO[bytes]]:
        is_new = not self._path.exists()
        with self._path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if is_new:
                _sync_directory(self._path.parent)
            yield file


def _find_end(file: IO[bytes]) -> _FileEnd:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    *whole, torn = file.read().split(b"\n")
    if not whole:
        return _FileEnd(last=None, torn=torn)
    try:
        return _FileEnd(last=parse_line(whole[-1]), torn=torn)
    except BadHeadLine as bad:
        raise BadCheckpointFile(f"the last line of {file.name} is no checkpoint: {bad}") from bad


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
