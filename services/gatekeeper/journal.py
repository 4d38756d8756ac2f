"""The journal: every decision is in the kernel's hands before its answer leaves, one write a tick."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import structlog

from libs.domain.access_event import AccessEvent
from libs.runtime.failure import StopProcess
from libs.wire.access_codec import encode_access_event
from libs.wire.journal_line import journal_line
from services.gatekeeper import metrics
from services.gatekeeper.journal_directory import RunDirectory
from services.gatekeeper.segment import Segment
from services.gatekeeper.settings import GatekeeperSettings

log = structlog.get_logger(__name__)


class Draft(Protocol):
    """An access event that lacks only its place in the journal."""

    def __call__(self, *, gatekeeper: str, seq: int) -> AccessEvent:
        """Return the event at that place."""
        ...


class Journal:
    """The records of one run of one gatekeeper, numbered from 1 without a gap.

    All records of one event-loop tick are written together. A number counts only once its record is in the
    file, so that one that was refused leaves no gap.
    """

    def __init__(self, directory: RunDirectory, *, segment_bytes: int, bytes_max: int) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._bytes_max = bytes_max
        self._loop = asyncio.get_running_loop()
        self._written_seq = 0
        self._segment = Segment.create(directory.path, 1)
        self._lines: list[bytes] = []
        self._waiting: list[asyncio.Future[bool]] = []
        self._fault: str | None = None
        self._measured_bytes = 0
        self._unmeasured_bytes = 0
        self._is_half_full = False

    @property
    def fault(self) -> str | None:
        """Why the journal takes nothing at present, or None."""
        return self._fault

    def append(self, draft: Draft) -> Awaitable[bool]:
        """Return, with the tick's write, whether the event is in the journal. An answer must await it."""
        seq = self._written_seq + len(self._lines) + 1
        event = draft(gatekeeper=self._directory.run_id, seq=seq)
        self._lines.append(journal_line(encode_access_event(event)))
        if len(self._lines) == 1:
            self._loop.call_soon(self._write)
        # One future each: a request that is cancelled takes no other with it.
        written: asyncio.Future[bool] = self._loop.create_future()
        self._waiting.append(written)
        return written

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        waiting, self._waiting = self._waiting, []
        if not lines:
            return
        taken = self._taken(lines)
        for index, each in enumerate(waiting):
            if not each.done():
                each.set_result(index < taken)

    def _taken(self, lines: Sequence[bytes]) -> int:
        try:
            self._require_room(sum(map(len, lines)))
            self._rotate()
            taken = self._segment.append(lines)
        except OSError as fault:
            self._fail(str(fault), len(lines))
            return 0
        self._written_seq += taken
        metrics.JOURNAL_RECORDS.inc(taken)
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

    def _rotate(self) -> None:
        if self._segment.size_bytes < self._segment_bytes:
            return
        self._segment.mend()
        full, self._segment = self._segment, Segment.create(self._directory.path, self._written_seq + 1)
        full.close()

    def _fail(self, fault: str, refused: int) -> None:
        metrics.JOURNAL_REFUSED.inc(refused)
        if self._fault is None:
            log.error("journal_unavailable", error=fault, written_seq=self._written_seq)
        self._fault = fault

    def _recover(self) -> None:
        log.info("journal_available", written_seq=self._written_seq)
        self._fault = None

    async def watch(self, interval_s: float = 1.0) -> None:
        """Measure what the shipper has not taken away yet, and find out when the journal works again."""
        while True:
            await asyncio.sleep(interval_s)
            self.measure(await asyncio.to_thread(self._directory.total_bytes))
            if self._fault is not None:
                await self._try_again()

    def measure(self, total_bytes: int) -> None:
        """Take note of how much all journals of this host hold, as counted on the disk."""
        self._measured_bytes, self._unmeasured_bytes = total_bytes, 0
        metrics.JOURNAL_BYTES.set(total_bytes)
        was_half_full, self._is_half_full = self._is_half_full, 2 * total_bytes > self._bytes_max
        if self._is_half_full and not was_half_full:
            log.warning("journal_half_full", bytes=total_bytes, bytes_max=self._bytes_max)

    async def _try_again(self) -> None:
        # Whoever asks for readiness may send no request until this journal is ready.
        try:
            self._require_room(0)
            await asyncio.to_thread(self._directory.probe)
        except OSError as fault:
            self._fault = str(fault)
            return
        self._recover()

    def close(self) -> None:
        """Let go of the file and of the run: the shipper may take away all of it."""
        if self._lines:
            self._write()
        self._segment.close()
        self._directory.close()


@asynccontextmanager
async def open_journal(settings: GatekeeperSettings, run_id: str) -> AsyncIterator[Journal]:
    """Yield the journal of this run. Raises StopProcess where none can be written."""
    try:
        journal = Journal(
            RunDirectory(settings.journal_dir, run_id),
            segment_bytes=settings.journal_segment_bytes,
            bytes_max=settings.journal_bytes_max,
        )
    except OSError as fault:
        raise StopProcess(f"the journal in {settings.journal_dir} cannot be written: {fault}") from fault
    try:
        yield journal
    finally:
        journal.close()
