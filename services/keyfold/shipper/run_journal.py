"""The journal of one run of a gatekeeper: read in order, kept until acknowledged, then deleted."""

import fcntl
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from keyfold.domain.access.gatekeeper_run import ClosedRun
from keyfold.runtime.boot import boot_id
from keyfold.shipper.chunk import Chunk, Damage, read_chunk
from keyfold.shipper.counted import delete_counted, read_counted
from keyfold.shipper.offset import JournalOffset, load_offset, save_offset
from keyfold.wire.access.closed_run import closed_run_record
from keyfold.wire.access.codec import seq_of
from keyfold.wire.journal.files import WRITER_LOCK, segment_first_seq, segment_name
from keyfold.wire.record import Record

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """The next records of a run, all from one segment, and the damage between them.

    Once the broker has all of them, it has everything before `end`. Nothing ever follows a shipment that
    `is_last`.
    """

    records: tuple[Record, ...]
    damages: tuple[Damage, ...]
    end: JournalOffset
    is_last: bool


class RunJournal:
    """One run directory, live or dead."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._acknowledged = load_offset(path)

    @property
    def run_id(self) -> str:
        """The run's id, which its records carry too."""
        return self.path.name

    def read(self, bytes_max: int, *, after: Shipment | None = None) -> Shipment:
        """Return what comes `after` a shipment, or after the last acknowledged one, up to about `bytes_max`.

        Raises OSError.
        """
        before = self._acknowledged if after is None else after.end
        # In this order: once the writer is known to be dead, its files get no more, and a segment that has a
        # successor before it is read gets no more either.
        is_over = _is_over(self.path)
        segments = [each for each in self._segments() if each >= before.first_seq]
        for first_seq in segments:
            is_newest = first_seq == segments[-1]
            shipment = self._read_segment(before, first_seq, bytes_max, is_over=is_over, is_newest=is_newest)
            if is_newest or shipment.records or shipment.damages:
                return shipment
        return Shipment(records=(), damages=(), end=before, is_last=is_over)

    def _read_segment(
        self, before: JournalOffset, first_seq: int, bytes_max: int, *, is_over: bool, is_newest: bool
    ) -> Shipment:
        offset = before.offset if first_seq == before.first_seq else 0
        path = self.path / segment_name(first_seq)
        chunk = read_chunk(path, offset, bytes_max, is_final=is_over or not is_newest)
        is_last = is_over and is_newest and chunk.at_end
        records = chunk.records + (read_counted(self.path, first_seq) if is_last else ())
        return Shipment(
            records=records,
            damages=chunk.damages,
            end=_offset_after(before, first_seq, chunk, records),
            is_last=is_last,
        )

    def closing_records(self, shipment: Shipment) -> tuple[Record, ...]:
        """Return the record of the run's end, to be sent once the broker has all of its last shipment.

        Returns nothing for any other shipment, or for a run whose removal was interrupted. Raises OSError.
        """
        lock = self.path / WRITER_LOCK
        if not shipment.is_last or not lock.exists():
            return ()
        is_up_since = lock.read_bytes() == boot_id().encode() != b""
        run = ClosedRun(
            gatekeeper=self.run_id,
            last_seq=shipment.end.last_seq,
            is_exact=is_up_since and not shipment.end.is_damaged,
            at=self._last_written_at(),
        )
        return (closed_run_record(run),)

    def _last_written_at(self) -> datetime:
        names = [WRITER_LOCK, *map(segment_name, self._segments())]
        written_s = max((self.path / name).stat().st_mtime for name in names)
        return datetime.fromtimestamp(written_s, UTC)

    def acknowledge(self, shipment: Shipment) -> None:
        """Note that the broker has all of the shipment, and delete what is no longer needed."""
        if shipment.is_last:
            # In this order: an interrupted removal leaves no wrong numbers behind, because a run without its
            # lock reports none.
            (self.path / WRITER_LOCK).unlink(missing_ok=True)
            delete_counted(self.path)
            shutil.rmtree(self.path)
            return
        if shipment.end == self._acknowledged:
            return
        self._acknowledged = shipment.end
        self._save()
        for first_seq in self._segments():
            if first_seq < shipment.end.first_seq:
                (self.path / segment_name(first_seq)).unlink()

    def unshipped_bytes(self) -> int:
        """Return how many bytes are not acknowledged yet; 0 for a run that was deleted."""
        if not self.path.exists():
            return 0
        total = -self._acknowledged.offset
        for first_seq in self._segments():
            if first_seq >= self._acknowledged.first_seq:
                total += (self.path / segment_name(first_seq)).stat().st_size
        return max(0, total)

    def _save(self) -> None:
        try:
            save_offset(self.path, self._acknowledged)
        except OSError as fault:
            # On a full disk the way out is to go on: deleting segments needs no room.
            log.warning("checkpoint_not_saved", run=self.run_id, error=str(fault))

    def _segments(self) -> list[int]:
        found = (segment_first_seq(each.name) for each in self.path.iterdir())
        return sorted(first_seq for first_seq in found if first_seq is not None)


def _offset_after(
    before: JournalOffset, first_seq: int, chunk: Chunk, records: Sequence[Record]
) -> JournalOffset:
    # A segment begins with the number after all those before it, whether they could be read or not.
    is_begun = before.first_seq == first_seq
    is_damaged = chunk.damages[-1].end == chunk.next_offset if chunk.damages else False
    return JournalOffset(
        first_seq=first_seq,
        offset=chunk.next_offset,
        last_seq=seq_of(records[-1]) if records else max(before.last_seq, first_seq - 1),
        is_damaged=is_damaged or (is_begun and before.is_damaged and not chunk.records),
    )


def _is_over(run: Path) -> bool:
    """Tell whether the run's writer is dead: only then can its lock be taken."""
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
