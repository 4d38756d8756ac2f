"""Writes the journal: hands every decision to the kernel before its answer leaves, in one write a tick."""

import asyncio
import errno
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

from keyfold.gatekeeper import metrics
from keyfold.gatekeeper.journal.directory import RunDirectory
from keyfold.gatekeeper.journal.segment import Segment
from keyfold.gatekeeper.journal.syncing import Syncing
from keyfold.gatekeeper.settings import GatekeeperSettings, JournalSync
from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import StopProcess
from keyfold.wire.journal.files import segment_name

# After these the same file takes more once there is room. After any other failure it may never again.
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

log = structlog.get_logger(__name__)


class Journal:
    """The records of one run of a gatekeeper, numbered from 1 without a gap, after what opens it.

    A number is used only once its record is in the file, so a refused record leaves no gap. A disk that holds
    up a write for longer than `wait_max_s` counts as failed until it is quick again.
    """

    def __init__(
        self,
        directory: RunDirectory,
        clock: Clock,
        *,
        segment_bytes: int,
        bytes_max: int,
        wait_max_s: float,
        sync: JournalSync = "off",
        new_segment: Callable[[Path, int], Segment] = Segment.create,
    ) -> None:
        self.run_id = directory.run_id
        self.next_seq = 1
        self._directory = directory
        self._clock = clock
        self._segment_bytes = segment_bytes
        self._bytes_max = bytes_max
        self._wait_max_s = wait_max_s
        self._new_segment = new_segment
        self._syncing = Syncing(directory, sync)
        self._segment = new_segment(directory.path, 0)
        self._fault: str | None = None
        self._is_slow = False
        self._is_broken = False
        self._measured_bytes = 0
        self._unmeasured_bytes = 0
        self._is_half_full = False
        metrics.JOURNAL_RECORDS.read_from(lambda: {(): self.next_seq - 1})

    @property
    def fault(self) -> str | None:
        """Why the journal takes nothing at present; None if it does."""
        return self._fault

    def append(self, lines: Sequence[bytes]) -> int:
        """Write lines numbered from `next_seq`; return how many of them, from the first, count as written.

        An answer may leave only if its line counts.
        """
        if not lines:
            return 0
        if self._is_slow:
            metrics.JOURNAL_REFUSED.inc(len(lines))
            return 0
        began_s = self._clock.monotonic_s()
        taken = self._write(lines)
        if (took_s := self._clock.monotonic_s() - began_s) > self._wait_max_s:
            # The lines stay in the file: an allow that is journalled and never sent does no harm.
            self._is_slow = True
            self._fail(f"a write took {took_s:.1f} s, more than {self._wait_max_s} s", len(lines))
            return 0
        return taken

    def append_unnumbered(self, line: bytes) -> None:
        """Write a line that takes no number: it opens the run, or ends it. Raises OSError."""
        self._require_room(len(line))
        self._rotate()
        if self._append(line) < len(line):
            raise OSError(errno.ENOSPC, "the disk is full")
        if self._syncing.is_always:
            self._syncing.sync(self._segment)

    def _write(self, lines: Sequence[bytes]) -> int:
        text = b"".join(lines)
        try:
            self._require_room(len(text))
            self._rotate()
            written = self._append(text)
        except OSError as fault:
            self._fail(str(fault), len(lines))
            return 0
        taken = len(lines) if written == len(text) else text.count(b"\n", 0, written)
        self.next_seq += taken
        if self._syncing.is_always and not self._sync(len(lines)):
            return 0
        if taken < len(lines):
            self._fail(
                f"only {taken} of {len(lines)} records were taken: the disk is full", len(lines) - taken
            )
        elif self._fault is not None:
            self._recover()
        return taken

    def _require_room(self, size_bytes: int) -> None:
        self._unmeasured_bytes += size_bytes
        if self._measured_bytes + self._unmeasured_bytes > self._bytes_max:
            self._unmeasured_bytes -= size_bytes
            raise OSError(f"the journal holds its maximum of {self._bytes_max} bytes; the shipper is behind")

    def _append(self, text: bytes) -> int:
        try:
            return self._segment.append(text)
        except OSError as fault:
            self._is_broken = fault.errno not in _NO_ROOM
            raise

    def _sync(self, lines: int) -> bool:
        try:
            self._syncing.sync(self._segment)
        except OSError as fault:
            # The kernel drops what it could not write, and would report the next sync as successful. The
            # lines may have been read already, so they keep their numbers.
            self._is_broken = True
            self._fail(f"the disk did not take what was written: {fault}", lines)
            return False
        return True

    def _rotate(self) -> None:
        if self._is_broken:
            self._abandon()
        elif self._segment.size_bytes >= self._segment_bytes:
            self._segment.mend()
        else:
            return
        last, self._segment = self._segment, self._new_segment(self._directory.path, self.next_seq)
        self._syncing.begin()
        was_broken, self._is_broken = self._is_broken, False
        with suppress(OSError):
            if was_broken:
                last.close()
            else:
                self._syncing.leave(last)

    def _abandon(self) -> None:
        # A torn end of a file that is not the newest shows by its checksum. A file without any record has the
        # name that the next one gets.
        if not self._segment.size_bytes:
            (self._directory.path / segment_name(self.next_seq)).unlink(missing_ok=True)

    def _fail(self, fault: str, refused: int) -> None:
        metrics.JOURNAL_REFUSED.inc(refused)
        if self._fault is None:
            log.error("journal_unavailable", error=fault, written_seq=self.next_seq - 1)
        self._fault = fault

    def _recover(self) -> None:
        log.info("journal_available", written_seq=self.next_seq - 1)
        self._fault, self._is_slow = None, False

    async def watch(self, interval_s: float = 1.0) -> None:
        """Measure what the shipper has not removed yet, and find out when the journal works again.

        If `sync` is `interval`, also sync what is written to the disk.
        """
        async with asyncio.TaskGroup() as watches:
            watches.create_task(self._look_after(interval_s))
            if self._syncing.is_interval:
                watches.create_task(self._sync_again_and_again(interval_s))

    async def _sync_again_and_again(self, interval_s: float) -> None:
        # In a task of its own: a sync may take any time, and measuring must not wait for it.
        while True:
            await asyncio.sleep(interval_s)
            segment = self._segment
            try:
                await asyncio.to_thread(self._syncing.sync, segment)
            except OSError as fault:
                self._is_broken = segment is self._segment
                self._fail(f"the disk did not take what was written: {fault}", 0)

    async def _look_after(self, interval_s: float) -> None:
        while True:
            await asyncio.sleep(interval_s)
            self.measure(await asyncio.to_thread(self._directory.total_bytes))
            self._look_for_the_file()
            if self._fault is not None:
                await self._try_again()

    def measure(self, total_bytes: int) -> None:
        """Note the size of all journals of this host, as measured on the disk."""
        self._measured_bytes, self._unmeasured_bytes = total_bytes, 0
        metrics.JOURNAL_BYTES.set(total_bytes)
        was_half_full, self._is_half_full = self._is_half_full, 2 * total_bytes > self._bytes_max
        if self._is_half_full and not was_half_full:
            log.warning("journal_half_full", bytes=total_bytes, bytes_max=self._bytes_max)

    def _look_for_the_file(self) -> None:
        if not self._is_broken and self._segment.is_removed:
            self._is_broken = True
            self._fail("its newest file was removed, and all records in it", 0)

    async def _try_again(self) -> None:
        # A gateway that checks readiness may send no request until the journal is ready, so try without one.
        began_s = self._clock.monotonic_s()
        try:
            self._require_room(0)
            await asyncio.to_thread(self._syncing.probe)
        except OSError as fault:
            self._fault = str(fault)
            return
        if self._clock.monotonic_s() - began_s <= self._wait_max_s:
            self._recover()

    def close(self) -> None:
        """Close the file and unlock the run: then the shipper may remove all of it."""
        with suppress(OSError):
            self._syncing.close(self._segment)
        self._directory.close()


@asynccontextmanager
async def open_journal(settings: GatekeeperSettings, run_id: str, clock: Clock) -> AsyncIterator[Journal]:
    """Yield the journal of this run. Raises StopProcess if none can be written."""
    try:
        journal = Journal(
            RunDirectory(settings.journal_dir, run_id),
            clock,
            segment_bytes=settings.journal_segment_bytes,
            bytes_max=settings.journal_bytes_max,
            wait_max_s=settings.journal_wait_max_s,
            sync=settings.journal_sync,
        )
    except OSError as fault:
        raise StopProcess(
            f"the journal in {settings.journal_dir} (KEYFOLD_JOURNAL_DIR) cannot be written: {fault}"
        ) from fault
    try:
        yield journal
    finally:
        journal.close()
