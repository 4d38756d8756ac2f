"""The journal of one run of one gatekeeper: read in order, kept until acknowledged, then taken away."""

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import structlog

from libs.wire.journal_files import WRITER_LOCK, segment_first_seq, segment_name
from libs.wire.record import Record
from services.shipper.checkpoint import Position, load_position, save_position
from services.shipper.chunk import Damage, read_chunk

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """The next records of a run, all of one segment, and the damage between them.

    Once the broker has all of them, it has everything before `end`. After one that `is_last` nothing follows,
    ever.
    """

    records: tuple[Record, ...]
    damages: tuple[Damage, ...]
    end: Position
    is_last: bool


class RunJournal:
    """One run directory, live or dead."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._acknowledged = load_position(path)

    @property
    def run_id(self) -> str:
        """The name of the run, which its records carry too."""
        return self.path.name

    def read(self, bytes_max: int) -> Portion:
        """Return what follows the last acknowledged record, up to about `bytes_max`. Raises OSError."""
        # In this order: what is in the files once the writer is known to be dead is all there will be, and a
        # segment that has a successor by the time it is read gets no more.
        is_over = _is_over(self.path)
        segments = [each for each in self._segments() if each >= self._acknowledged.first_seq]
        for first_seq in segments:
            is_newest = first_seq == segments[-1]
            portion = self._portion(first_seq, bytes_max, is_over=is_over, is_newest=is_newest)
            if is_newest or portion.records or portion.damages:
                return portion
        return Portion(records=(), damages=(), end=self._acknowledged, is_last=is_over)

    def _portion(self, first_seq: int, bytes_max: int, *, is_over: bool, is_newest: bool) -> Portion:
        acknowledged = self._acknowledged
        offset = acknowledged.offset if first_seq == acknowledged.first_seq else 0
        path = self.path / segment_name(first_seq)
        chunk = read_chunk(path, offset, bytes_max, is_final=is_over or not is_newest)
        return Portion(
            records=chunk.records,
            damages=chunk.damages,
            end=Position(first_seq=first_seq, offset=chunk.next_offset),
            is_last=is_over and is_newest and chunk.at_end,
        )

    def acknowledge(self, portion: Portion) -> None:
        """Take note that the broker has all of the portion, and take away what is not needed any more."""
        if portion.is_last:
            shutil.rmtree(self.path)
            return
        if portion.end == self._acknowledged:
            return
        self._acknowledged = portion.end
        self._save()
        for first_seq in self._segments():
            if first_seq < portion.end.first_seq:
                (self.path / segment_name(first_seq)).unlink()

    def unshipped_bytes(self) -> int:
        """Return how much is not acknowledged yet; nothing of a run that was taken away."""
        if not self.path.exists():
            return 0
        total = -self._acknowledged.offset
        for first_seq in self._segments():
            if first_seq >= self._acknowledged.first_seq:
                total += (self.path / segment_name(first_seq)).stat().st_size
        return max(0, total)

    def _save(self) -> None:
        try:
            save_position(self.path, self._acknowledged)
        except OSError as fault:
            # On a full disk the way out is to go on: taking segments away needs no room.
            log.warning("checkpoint_not_saved", run=self.run_id, error=str(fault))

    def _segments(self) -> list[int]:
        found = (segment_first_seq(each.name) for each in self.path.iterdir())
        return sorted(first_seq for first_seq in found if first_seq is not None)


def _is_over(run: Path) -> bool:
    """Tell whether the run's writer is dead: then, and only then, its lock can be had."""
    try:
        lock = os.open(run / WRITER_LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True  # a directory whose removal was interrupted
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
