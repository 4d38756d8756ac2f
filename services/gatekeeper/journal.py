"""The journal: every decision is in the kernel's hands before its answer leaves, one write a tick."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
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


class Decide(Protocol):
    """Makes a decision, as the access event at the place that it is given in the journal."""

    def __call__(self, *, gatekeeper: str, seq: int) -> AccessEvent:
        """Return the event at that place."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """An event with its line, and who waits for it to be in the file."""

    waiting: asyncio.Future[AccessEvent | None]
    event: AccessEvent
    line: bytes


class Journal:
    """The records of one run of one gatekeeper, numbered from 1 without a gap.

    All decisions of one event-loop tick are made and written together, so that nothing comes between a
    decision and its record. A number counts only once its record is in the file: one that was refused
    leaves no gap.
    """

    def __init__(self, directory: RunDirectory, *, segment_bytes: int, bytes_max: int) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._bytes_max = bytes_max
        self._loop = asyncio.get_running_loop()
        self._written_seq = 0
        self._segment = Segment.create(directory.path, 1)
        self._asked: list[tuple[Decide, asyncio.Future[AccessEvent | None]]] = []
        self._fault: str | None = None
        self._measured_bytes = 0
        self._unmeasured_bytes = 0
        self._is_half_full = False

    @property
    def fault(self) -> str | None:
        """Why the journal takes nothing at present, or None."""
        return self._fault

    def append(self, decide: Decide) -> Awaitable[AccessEvent | None]:
        """Return what was decided once it is in the journal, or None where it could not be written.

        The decision is made in this tick's write. An answer must await it.
        """
        if not self._asked:
            self._loop.call_soon(self._write)
        # One future each: a request that is cancelled takes no other with it.
        waiting: asyncio.Future[AccessEvent | None] = self._loop.create_future()
        self._asked.append((decide, waiting))
        return waiting

    def _write(self) -> None:
        asked, self._asked = self._asked, []
        batch = self._decided(asked)
        taken = self._taken([each.line for each in batch]) if batch else 0
        for index, each in enumerate(batch):
            if not each.waiting.done():
                each.waiting.set_result(each.event if index < taken else None)

    def _decided(self, asked: Sequence[tuple[Decide, asyncio.Future[AccessEvent | None]]]) -> list[_Written]:
        batch: list[_Written] = []
        for decide, waiting in asked:
            try:
                event = decide(gatekeeper=self._directory.run_id, seq=self._written_seq + len(batch) + 1)
                line = journal_line(encode_access_event(event))
            except Exception as bug:  # it is this request's alone, and takes no number
                if not waiting.done():
                    waiting.set_exception(bug)
            else:
                batch.append(_Written(waiting=waiting, event=event, line=line))
        return batch

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
        if self._asked:
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
