"""The directory of all journals of a host: the runs in it, and the lock of its one shipper."""

import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from keyfold.runtime.failure import StopProcess, TryLater
from keyfold.shipper import metrics
from keyfold.shipper.chunk import Damage
from keyfold.shipper.run_journal import RunJournal
from keyfold.wire.journal.files import DAMAGED, SHIPPER_LOCK, damaged_name, is_run, segment_name

log = structlog.get_logger(__name__)


class JournalTaken(TryLater):
    """Another shipper holds this journal directory. Wait until it has ended."""

    def __init__(self, root: Path) -> None:
        super().__init__(f"another shipper works in {root}")


class JournalDirectory:
    """The runs in a directory, which only one shipper may have."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._runs: dict[str, RunJournal] = {}

    def runs(self) -> list[RunJournal]:
        """Return the present runs, live or dead. Raises OSError."""
        names = {entry.name for entry in os.scandir(self._root) if is_run(entry.name) and entry.is_dir()}
        self._runs = {name: self._runs.get(name) or RunJournal(self._root / name) for name in sorted(names)}
        return list(self._runs.values())

    def set_aside(self, run: RunJournal, first_seq: int, damage: Damage) -> None:
        """Log where a segment is damaged, and keep those bytes for an operator."""
        segment = run.path / segment_name(first_seq)
        kept = self._root / DAMAGED / damaged_name(run.run_id, first_seq, damage.start, damage.end)
        metrics.DAMAGED.inc(damage.end - damage.start)
        log.error(
            "journal_damaged",
            segment=f"{run.run_id}/{segment.name}",
            start=damage.start,
            end=damage.end,
            why=damage.why,
            kept=f"{DAMAGED}/{kept.name}",
        )
        try:
            kept.parent.mkdir(exist_ok=True)
            kept.write_bytes(_range(segment, damage))
        except OSError as fault:
            # On a full disk the way out is to go on: shipping makes room.
            log.error("damaged_bytes_not_kept", name=kept.name, error=str(fault))

    def measure(self) -> None:
        """Measure what is not shipped yet."""
        metrics.BACKLOG.set(sum(run.unshipped_bytes() for run in self._runs.values()))


@asynccontextmanager
async def open_journal_directory(root: Path) -> AsyncIterator[JournalDirectory]:
    """Yield the directory to one shipper at a time; make it if it is missing. Raises JournalTaken."""
    lock = _lock_file(root)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalTaken(root) from None
        yield JournalDirectory(root)
    finally:
        os.close(lock)


def _lock_file(root: Path) -> int:
    try:
        root.mkdir(parents=True, exist_ok=True)
        return os.open(root / SHIPPER_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as fault:
        raise StopProcess(
            f"the journals in {root} (KEYFOLD_JOURNAL_DIR) cannot be shipped: {fault.strerror}"
        ) from fault


def _range(segment: Path, damage: Damage) -> bytes:
    with segment.open("rb") as source:
        source.seek(damage.start)
        return source.read(damage.end - damage.start)
