"""The journal of one run of one gatekeeper: read in order, kept until acknowledged, then taken away."""

import fcntl
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from keyfold.domain.access.closed_run import ClosedRun
from keyfold.runtime.boot import boot_id
from keyfold.shipper.checkpoint import Position, load_position, save_position
from keyfold.shipper.chunk import Chunk, Damage, read_chunk
from keyfold.shipper.counted import counted_records, forget_counted
from keyfold.wire.access.closed_run import closed_run_record
from keyfold.wire.access.codec import seq_of
from keyfold.wire.journal.files import WRITER_LOCK, segment_first_seq, segment_name
from keyfold.wire.record import Record

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

    def read(self, bytes_max: int, *, behind: Portion | None = None) -> Portion:
        """Return what follows the last acknowledged record, or the portion that it is `behind`, up to about
        `bytes_max`. Raises OSError.
        """
        before = self._acknowledged if behind is None else behind.end
        # In this order: what is in the files once the writer is known to be dead is all there will be, and a
        # segment that has a successor by the time it is read gets no more.
        is_over = _is_over(self.path)
        segments = [each for each in self._segments() if each >= before.first_seq]
        for first_seq in segments:
            is_newest = first_seq == segments[-1]
            portion = self._portion(before, first_seq, bytes_max, is_over=is_over, is_newest=is_newest)
            if is_newest or portion.records or portion.damages:
                return portion
        return Portion(records=(), damages=(), end=before, is_last=is_over)

    def _portion(
        self, before: Position, first_seq: int, bytes_max: int, *, is_over: bool, is_newest: bool
    ) -> Portion:
        offset = before.offset if first_seq == before.first_seq else 0
        path = self.path / segment_name(first_seq)
        chunk = read_chunk(path, offset, bytes_max, is_final=is_over or not is_newest)
        is_last = is_over and is_newest and chunk.at_end
        records = chunk.records + (counted_records(self.path, first_seq) if is_last else ())
        return Portion(
            records=records,
            damages=chunk.damages,
            end=_end(before, first_seq, chunk, records),
            is_last=is_last,
        )

    def closing(self, portion: Portion) -> tuple[Record, ...]:
        """Return what is to be said once the broker has all of a portion that is the last. Raises OSError.

        Nothing of a run whose removal was interrupted.
        """
        lock = self.path / WRITER_LOCK
        if not portion.is_last or not lock.exists():
            return ()
        is_up_since = lock.read_bytes() == boot_id().encode() != b""
        run = ClosedRun(
            gatekeeper=self.run_id,
            last_seq=portion.end.last_seq,
            is_exact=is_up_since and not portion.end.is_damaged,
            at=self._last_written_at(),
        )
        return (closed_run_record(run),)

    def _last_written_at(self) -> datetime:
        names = [WRITER_LOCK, *map(segment_name, self._segments())]
        written_s = max((self.path / name).stat().st_mtime for name in names)
        return datetime.fromtimestamp(written_s, UTC)

    def acknowledge(self, portion: Portion) -> None:
        """Take note that the broker has all of the portion, and take away what is not needed any more."""
        if portion.is_last:
            # In this order: what is left over tells no wrong number, and without its lock a run tells none.
            (self.path / WRITER_LOCK).unlink(missing_ok=True)
            forget_counted(self.path)
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


def _end(before: Position, first_seq: int, chunk: Chunk, records: Sequence[Record]) -> Position:
    # A segment begins with the number that follows all before it, whether those could be read or not.
    is_begun = before.first_seq == first_seq
    is_damaged = chunk.damages[-1].end == chunk.next_offset if chunk.damages else False
    return Position(
        first_seq=first_seq,
        offset=chunk.next_offset,
        last_seq=seq_of(records[-1]) if records else max(before.last_seq, first_seq - 1),
        is_damaged=is_damaged or (is_begun and before.is_damaged and not chunk.records),
    )


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
