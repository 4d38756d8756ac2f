"""The access log as a sink of ingest: events by day, the ends of runs, and the offsets of both."""

import asyncio
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from keyfold.audit import metrics
from keyfold.audit.ingest.admission import Inadmissible, admit
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.access.gatekeeper_run import ClosedRun, RunRecord
from keyfold.ingest.port import (
    Accepted,
    Batches,
    SetAside,
    SinkAway,
    WriterFenced,
)
from keyfold.runtime.clock import Clock
from keyfold.store.access_log.completeness.closed_runs import ClosedRuns
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.access_log.writer import AccessLog, Filed
from keyfold.store.postgres.errors import DatabaseAway, OffsetsMoved, PartitionMissing
from keyfold.store.postgres.partition_shares import PartitionShare
from keyfold.wire.offsets import Advance, PartitionEnd

# Decoding keeps the processor busy: other requests get their turn in between.
_RECORDS_A_TURN: Final = 250
_LATE_S: Final = 24 * 3600

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Entries:
    """What some records hold that goes into the log."""

    events: list[AccessEvent] = field(default_factory=list)
    closed: list[ClosedRun] = field(default_factory=list)
    run_records: list[RunRecord] = field(default_factory=list)


class AccessLogSink:
    """Writes each access event once, into the partition of its day, which it makes if it is missing."""

    name = "PostgreSQL"

    def __init__(
        self,
        *,
        access_log: AccessLog,
        closed_runs: ClosedRuns,
        partitions: Partitions,
        clock: Clock,
        future_max_s: float,
    ) -> None:
        self._access_log = access_log
        self._closed_runs = closed_runs
        self._partitions = partitions
        self._clock = clock
        self._future_max = timedelta(seconds=future_max_s)

    async def next_offsets(self, partitions: frozenset[int]) -> Mapping[int, int]:
        """Return the next offset of each partition from which anything was ever filed. Raises SinkAway."""
        with _translate_errors():
            return await self._access_log.next_offsets(partitions)

    async def time(self) -> datetime:
        """Return the time by PostgreSQL's clock. Raises SinkAway."""
        with _translate_errors():
            return await self._access_log.time()

    async def note_caught_up(self, ends: Mapping[int, PartitionEnd]) -> None:
        """Note when each partition that is filed to its end was complete. Raises SinkAway."""
        with _translate_errors():
            await self._access_log.note_caught_up(ends)

    async def accept(self, batches: Batches) -> Accepted[Entries]:
        """Decode records, and set aside those that may not enter the log."""
        found, set_aside = Entries(), list[SetAside]()
        for records in batches.values():
            for first in range(0, len(records), _RECORDS_A_TURN):
                now = self._clock.now()
                for received in records[first : first + _RECORDS_A_TURN]:
                    match admit(received, now, future_max=self._future_max):
                        case Inadmissible() as inadmissible:
                            set_aside.append(inadmissible.to_set_aside())
                        case ClosedRun() as closed:
                            found.closed.append(closed)
                        case RunRecord() as record:
                            found.run_records.append(record)
                        case event:
                            found.events.append(event)
                await asyncio.sleep(0)
        return Accepted(ready=found, set_aside=set_aside)

    async def write(self, ready: Entries | None, advances: Sequence[Advance]) -> None:
        """Write events and move the offsets in one transaction. Raises SinkAway or WriterFenced."""
        entries = ready or Entries()
        with _translate_errors():
            if entries.closed:
                await self._closed_runs.note(entries.closed)
            _measure(await self._file(entries, advances), self._clock.now())

    async def _file(self, entries: Entries, advances: Sequence[Advance]) -> Filed:
        try:
            return await self._access_log.file(entries.events, advances, entries.run_records)
        except PartitionMissing:
            made = await self._partitions.make({event.at.date() for event in entries.events})
            log.info("partitions_made_for_late_events", days=sorted(str(day) for day in made))
            return await self._access_log.file(entries.events, advances, entries.run_records)


class AccessLogShare:
    """The partitions of the access topic that this process reads, shared out by PostgreSQL's locks."""

    def __init__(self, share: PartitionShare) -> None:
        self._share = share

    async def settle(self, partitions: int) -> frozenset[int]:
        """Return which of the topic's partitions are this process's now. Raises SinkAway."""
        with _translate_errors():
            return await self._share.settle(partitions)


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except DatabaseAway as away:
        raise SinkAway(str(away)) from away
    except OffsetsMoved as moved:
        raise WriterFenced(str(moved)) from moved


def _measure(filed: Filed, now: datetime) -> None:
    metrics.FILED.inc(len(filed.events))
    metrics.DUPLICATES.inc(filed.duplicates)
    # The newest events come last, and theirs are the shortest delays.
    delays_s = [max(0.0, (now - event.at).total_seconds()) for event in reversed(filed.events)]
    metrics.DELAY.add(delays_s)
    metrics.LATE.inc(len(delays_s) - bisect_right(delays_s, _LATE_S))
