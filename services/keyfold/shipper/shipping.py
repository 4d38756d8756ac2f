"""Shipping: a portion of each run's journal at a time, until the broker has acknowledged all of it."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Final, TypeAlias
from zlib import crc32

import structlog

from keyfold.kafka.errors import OutcomeUnknown, Unavailable
from keyfold.kafka.publisher import Publisher
from keyfold.runtime.clock import Clock
from keyfold.runtime.retrying import Backoff
from keyfold.shipper import metrics
from keyfold.shipper.journal_directory import JournalDirectory
from keyfold.shipper.run_journal import Portion, RunJournal
from keyfold.wire.record import Record

# Room for one line of any length that a gatekeeper writes, however many runs share the batch.
PORTION_BYTES_MIN: Final = 128 * 1024

# So many turns of the loop later all that was given to the driver is on its way to the broker.
_TURNS_TO_SEND: Final = 8

_TIMESTAMP_MS: Final = attrgetter("timestamp_ms")

Portions: TypeAlias = Sequence[tuple[RunJournal, Portion]]

log = structlog.get_logger(__name__)


class Shipping:
    """Ships what is in the journals, for ever, each run's records in their order."""

    def __init__(
        self,
        journals: JournalDirectory,
        publisher: Publisher,
        *,
        topic: str,
        partitions: int,
        clock: Clock,
        batch_bytes_max: int,
        poll_interval_s: float,
    ) -> None:
        self._journals = journals
        self._publisher = publisher
        self._topic = topic
        self._partitions = partitions
        self._clock = clock
        self._batch_bytes_max = batch_bytes_max
        self._poll_interval_s = poll_interval_s
        self._ahead: Portions = ()
        self._trouble: str | None = None

    def unready(self) -> str | None:
        """Return why nothing can be shipped at present, or None."""
        return self._trouble

    async def run(self) -> None:
        """Ship until cancelled. Raises what says that this process cannot go on."""
        while True:
            if await self.ship_once() == 0:
                await asyncio.sleep(self._poll_interval_s)

    async def ship_once(self) -> int:
        """Ship the next portion of every run, the same amount of each; return how many events that were.

        Waits for Kafka as long as it is away.
        """
        portions = self._ahead or self._read()
        records = [record for _, portion in portions for record in portion.records]
        _, self._ahead = await asyncio.gather(self._deliver(records), self._read_on(portions))
        metrics.SHIPPED.inc(len(records))
        for run, portion in portions:
            for damage in portion.damages:
                self._journals.set_aside(run, portion.end.first_seq, damage)
        # Only now, for it says that everything before it has arrived.
        await self._deliver([record for run, portion in portions for record in run.closing(portion)])
        for run, portion in portions:
            run.acknowledge(portion)
        self._journals.measure()
        return len(records)

    def _read(self, behind: Portions = ()) -> Portions:
        """Read a portion of each run, behind those that are on their way."""
        on_their_way = dict(behind)
        portions = [(run, on_their_way.get(run)) for run in self._journals.runs()]
        share_bytes = max(PORTION_BYTES_MIN, self._batch_bytes_max // max(1, len(portions)))
        return [
            (run, run.read(share_bytes, behind=before))
            for run, before in portions
            if before is None or not before.is_last
        ]

    async def _read_on(self, portions: Portions) -> Portions:
        """Read what follows while Kafka has what there is; return nothing when there was nothing to wait for,
        or nothing follows yet.
        """
        if not any(portion.records for _, portion in portions):
            return ()
        for _ in range(_TURNS_TO_SEND):
            await asyncio.sleep(0)
        following = self._read(portions)
        return following if any(portion.records for _, portion in following) else ()

    async def _deliver(self, records: Sequence[Record]) -> None:
        waiting, backoff = _by_partition(records, self._partitions), Backoff()
        while waiting:
            self._measure_age(waiting.values())
            waiting = await self._attempt(waiting)
            if waiting:
                self._journals.measure()
                await backoff.pause()
        metrics.OLDEST.set(0)
        self._trouble = None

    async def _attempt(self, waiting: Mapping[int, list[Record]]) -> dict[int, list[Record]]:
        """Send all partitions' records at once; return those that must be sent again."""
        outcomes = await asyncio.gather(
            *(self._send(partition, records) for partition, records in waiting.items())
        )
        return {
            partition: waiting[partition]
            for partition, sent in zip(waiting, outcomes, strict=True)
            if not sent
        }

    async def _send(self, partition: int, records: list[Record]) -> bool:
        try:
            await self._publisher.publish(self._topic, partition, records)
        except (Unavailable, OutcomeUnknown) as away:
            self._trouble = "Kafka is away"
            log.warning("waiting", what="Kafka", reason=str(away), partition=partition, records=len(records))
            if isinstance(away, OutcomeUnknown):
                metrics.RESENT.inc(len(records))
            return False
        return True

    def _measure_age(self, waiting: Iterable[Sequence[Record]]) -> None:
        oldest_ms = min(map(_TIMESTAMP_MS, chain.from_iterable(waiting)))
        metrics.OLDEST.set(max(0.0, self._clock.now().timestamp() - oldest_ms / 1000))


def partition_of(record: Record, partitions: int) -> int:
    """Choose a partition: by the subscriber key, whose events so keep their order, else by the event's id."""
    scattered = record.key or dict(record.headers)["ce_id"]
    return crc32(scattered) % partitions


def _by_partition(records: Iterable[Record], partitions: int) -> dict[int, list[Record]]:
    found: defaultdict[int, list[Record]] = defaultdict(list)
    for record in records:
        found[partition_of(record, partitions)].append(record)
    return dict(found)
