"""Filing what came from Kafka: events to the log, the rest to the dead letters, each exactly once."""

import asyncio
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from keyfold.audit import metrics
from keyfold.audit.ingest.admission import Inadmissible, InadmissibleKind, admit
from keyfold.audit.ingest.chunks import Batches, portions
from keyfold.domain.access.closed_run import ClosedRun
from keyfold.domain.access.event import AccessEvent
from keyfold.kafka.dead_letters.bound import DeadLetterBound
from keyfold.kafka.dead_letters.record import dead_letter
from keyfold.kafka.errors import OutcomeUnknown, Unavailable
from keyfold.kafka.publisher import Publisher
from keyfold.runtime.clock import Clock
from keyfold.runtime.overlapping import overlapped
from keyfold.runtime.retrying import Patience
from keyfold.store.access_log.completeness.closed_runs import ClosedRuns
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.access_log.writer import AccessLog, Advance, Filed, PartitionEnd
from keyfold.store.postgres.errors import DatabaseAway, OffsetsMoved, PartitionMissing
from keyfold.wire.record import Received
from keyfold.wire.topics import DEAD_LETTER

# Decoding is work for the processor: other requests get their turn in between.
_RECORDS_A_TURN: Final = 250
_LATE_S: Final = 24 * 3600

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class _Sorted:
    """Records after admission: what goes into the log, and what does not."""

    batches: Batches
    events: list[AccessEvent]
    closed: list[ClosedRun]
    inadmissible: list[Inadmissible]


class Filing:
    """Files batches of records, and knows how far each of this process's partitions has been filed."""

    def __init__(
        self,
        *,
        access_log: AccessLog,
        closed_runs: ClosedRuns,
        partitions: Partitions,
        dead_letters: Publisher,
        bound: DeadLetterBound,
        clock: Clock,
        future_max_s: float,
        portion_max: int,
        dead_letter_topic: str = DEAD_LETTER.name,
    ) -> None:
        self._access_log = access_log
        self._closed_runs = closed_runs
        self._partitions = partitions
        self._dead_letters = dead_letters
        self._dead_letter_topic = dead_letter_topic
        self._bound = bound
        self._clock = clock
        self._future_max = timedelta(seconds=future_max_s)
        self._portion_max = portion_max
        self._filed: dict[int, int] = {}
        self._patience = Patience()

    @property
    def trouble(self) -> str | None:
        """What is being waited for, None while nothing is."""
        return self._patience.trouble

    @property
    def filed(self) -> Mapping[int, int]:
        """The next offset to file of each partition, as far as it is known."""
        return dict(self._filed)

    async def next_offsets(self, partitions: frozenset[int]) -> Mapping[int, int]:
        """Return where to read on in each of these that was ever filed from. Raises DatabaseAway."""
        self._filed = dict(await self._access_log.next_offsets(partitions))
        return self.filed

    async def time(self) -> datetime:
        """Return what PostgreSQL's clock says. Raises DatabaseAway."""
        return await self._access_log.time()

    async def note_caught_up(self, ends: Mapping[int, PartitionEnd]) -> None:
        """Note of partitions that are filed to these ends when that was all. Raises DatabaseAway."""
        await self._access_log.note_caught_up(ends)

    async def file(self, batches: Batches) -> None:
        """Return when each record is either in the log or among the dead letters, and its offset is moved.

        One transaction files a portion, and meanwhile the next is made ready. Waits for PostgreSQL and Kafka
        as long as they are away. Raises OffsetsMoved (another process has these partitions now; from that
        portion on nothing was filed) or TooManyDeadLetters.
        """
        await overlapped(portions(batches, self._portion_max), self._sorted, self._file)

    async def _file(self, found: _Sorted) -> None:
        self._bound.note(
            seen=sum(map(len, found.batches.values())),
            dead=sum(each.kind is InadmissibleKind.MALFORMED for each in found.inadmissible),
        )
        # Before the offsets move: after a crash in between a dead letter is repeated rather than lost.
        await self._dead_letter(found.inadmissible)
        await self._note_closed(found.closed)
        advances = [self._advance(partition, records) for partition, records in found.batches.items()]
        filed = await self._write(found.events, advances)
        self._filed |= {each.partition: each.next for each in advances}
        self._measure(filed, found)

    async def pass_over(self, oldest: Mapping[int, int]) -> None:
        """Go on from these offsets: what Kafka had before them it has deleted before it was filed.

        The numbers of the gatekeepers' runs tell which events those were. Raises OffsetsMoved.
        """
        # Said before it is done: after a crash in between it is said again rather than never.
        for partition, offset in oldest.items():
            first = self._filed[partition]
            metrics.GONE.labels(partition).inc(offset - first)
            log.error("records_gone", partition=partition, first=first, last=offset - 1)
        advances = [
            Advance(partition=partition, expected=self._filed[partition], next=offset)
            for partition, offset in oldest.items()
        ]
        await self._write([], advances)
        self._filed |= oldest

    async def _sorted(self, batches: Batches) -> _Sorted:
        found = _Sorted(batches=batches, events=[], closed=[], inadmissible=[])
        for records in batches.values():
            for first in range(0, len(records), _RECORDS_A_TURN):
                now = self._clock.now()
                for received in records[first : first + _RECORDS_A_TURN]:
                    match admit(received, now, future_max=self._future_max):
                        case Inadmissible() as inadmissible:
                            found.inadmissible.append(inadmissible)
                        case ClosedRun() as closed:
                            found.closed.append(closed)
                        case event:
                            found.events.append(event)
                await asyncio.sleep(0)
        return found

    async def _dead_letter(self, inadmissible: Sequence[Inadmissible]) -> None:
        for each in inadmissible:
            at = each.received
            log.warning("record_dead_lettered", partition=at.partition, offset=at.offset, reason=each.reason)
        letters = [dead_letter(each.received, reason=each.reason) for each in inadmissible]
        if letters:
            await self._patience.until_done(
                "Kafka",
                lambda: self._dead_letters.publish(self._dead_letter_topic, 0, letters),
                on=(Unavailable, OutcomeUnknown),
            )

    async def _note_closed(self, runs: Sequence[ClosedRun]) -> None:
        if runs:
            await self._patience.until_done(
                "PostgreSQL", lambda: self._closed_runs.note(runs), on=(DatabaseAway,)
            )

    def _advance(self, partition: int, records: Sequence[Received]) -> Advance:
        expected = self._filed.get(partition, records[0].offset)
        return Advance(partition=partition, expected=expected, next=records[-1].offset + 1)

    async def _write(self, events: Sequence[AccessEvent], advances: Sequence[Advance]) -> Filed:
        return await self._patience.until_done(
            "PostgreSQL", lambda: self._attempt(events, advances), on=(DatabaseAway,)
        )

    async def _attempt(self, events: Sequence[AccessEvent], advances: Sequence[Advance]) -> Filed:
        try:
            return await self._access_log.file(events, advances)
        except PartitionMissing:
            made = await self._partitions.make({event.at.date() for event in events})
            log.info("partitions_made_for_late_events", days=sorted(str(day) for day in made))
            return await self._access_log.file(events, advances)
        except OffsetsMoved:
            # A commit whose answer was lost looks the same, unless one compares where the offsets stand.
            if await self._is_filed(advances):
                return Filed(events=(), duplicates=0)
            raise

    async def _is_filed(self, advances: Sequence[Advance]) -> bool:
        moved = {each.partition: each.next for each in advances}
        return moved == await self._access_log.next_offsets(frozenset(moved))

    def _measure(self, filed: Filed, found: _Sorted) -> None:
        metrics.FILED.inc(len(filed.events))
        metrics.DUPLICATES.inc(filed.duplicates)
        for each in found.inadmissible:
            metrics.DEAD_LETTERED.labels(each.kind).inc()
        now = self._clock.now()
        # The newest events come last, and theirs are the shortest delays.
        delays_s = [max(0.0, (now - event.at).total_seconds()) for event in reversed(filed.events)]
        metrics.DELAY.add(delays_s)
        metrics.LATE.inc(len(delays_s) - bisect_right(delays_s, _LATE_S))
