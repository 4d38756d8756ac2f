"""Filing what came from Kafka: events to the log, the rest to the dead letters, each exactly once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from libs.domain.access_event import AccessEvent
from libs.kafka.dead_letter import dead_letter
from libs.kafka.dead_letter_bound import DeadLetterBound
from libs.kafka.errors import OutcomeUnknown, Unavailable
from libs.kafka.publisher import Publisher
from libs.runtime.clock import Clock
from libs.runtime.retrying import Patience
from libs.store.access_log import AccessLog, Advance, Filed, PartitionEnd
from libs.store.access_log_partitions import Partitions
from libs.store.errors import DatabaseAway, OffsetsMoved, PartitionMissing
from libs.wire.record import Received
from libs.wire.topics import DEAD_LETTER
from services.audit import metrics
from services.audit.admission import Inadmissible, InadmissibleKind, admit

# Decoding is work for the processor: other requests get their turn in between.
_RECORDS_A_TURN: Final = 250

Batches = Mapping[int, Sequence[Received]]

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class _Sorted:
    """A batch after admission: what goes into the log, and what does not."""

    events: list[AccessEvent]
    inadmissible: list[Inadmissible]


class Filing:
    """Files batches of records, and knows how far each of this process's partitions has been filed."""

    def __init__(
        self,
        *,
        access_log: AccessLog,
        partitions: Partitions,
        dead_letters: Publisher,
        bound: DeadLetterBound,
        clock: Clock,
        future_max_s: float,
        dead_letter_topic: str = DEAD_LETTER.name,
    ) -> None:
        self._access_log = access_log
        self._partitions = partitions
        self._dead_letters = dead_letters
        self._dead_letter_topic = dead_letter_topic
        self._bound = bound
        self._clock = clock
        self._future_max_s = future_max_s
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

        Waits for PostgreSQL and Kafka as long as they are away. Raises OffsetsMoved (another process has
        these partitions now; nothing was filed) or TooManyDeadLetters.
        """
        found = await self._sorted(batches)
        self._bound.note(
            seen=sum(len(records) for records in batches.values()),
            dead=sum(each.kind is InadmissibleKind.MALFORMED for each in found.inadmissible),
        )
        # Before the offsets move: after a crash in between a dead letter is repeated rather than lost.
        await self._dead_letter(found.inadmissible)
        advances = [self._advance(partition, records) for partition, records in batches.items()]
        filed = await self._write(found.events, advances)
        self._filed |= {each.partition: each.next for each in advances}
        self._measure(filed, found)

    async def _sorted(self, batches: Batches) -> _Sorted:
        found = _Sorted(events=[], inadmissible=[])
        for records in batches.values():
            for first in range(0, len(records), _RECORDS_A_TURN):
                now = self._clock.now()
                for received in records[first : first + _RECORDS_A_TURN]:
                    match admit(received, now, future_max_s=self._future_max_s):
                        case Inadmissible() as inadmissible:
                            found.inadmissible.append(inadmissible)
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
                return Filed(rows=0, duplicates=0)
            raise

    async def _is_filed(self, advances: Sequence[Advance]) -> bool:
        moved = {each.partition: each.next for each in advances}
        return moved == await self._access_log.next_offsets(frozenset(moved))

    def _measure(self, filed: Filed, found: _Sorted) -> None:
        metrics.FILED.inc(filed.rows)
        metrics.DUPLICATES.inc(filed.duplicates)
        for each in found.inadmissible:
            metrics.DEAD_LETTERED.labels(each.kind).inc()
        now = self._clock.now()
        for event in found.events:
            metrics.DELAY.observe(max(0.0, (now - event.at).total_seconds()))
