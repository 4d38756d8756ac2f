"""Ships the journals: one shipment of each run at a time, until the broker has acknowledged all of it."""

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
from keyfold.shipper.run_journal import RunJournal, Shipment
from keyfold.wire.record import Record

# Room for the longest line that a gatekeeper writes, however many runs share the batch.
SHIPMENT_BYTES_MIN: Final = 1024 * 1024

# After so many turns of the event loop, everything given to the driver is on its way to the broker.
_TURNS_TO_SEND: Final = 8

_TIMESTAMP_MS: Final = attrgetter("timestamp_ms")

Shipments: TypeAlias = Sequence[tuple[RunJournal, Shipment]]

log = structlog.get_logger(__name__)


class Shipping:
    """Ships what is in the journals, each run's records in order."""

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
        self._ahead: Shipments = ()
        self._trouble: str | None = None

    def unready(self) -> str | None:
        """Return why nothing can be shipped at present, or None."""
        return self._trouble

    async def run(self) -> None:
        """Ship until cancelled. Raises StopProcess if this process cannot go on."""
        while True:
            if await self.ship_once() == 0:
                await asyncio.sleep(self._poll_interval_s)

    async def ship_once(self) -> int:
        """Ship the next shipment of every run, all of equal size; return the number of events.

        Waits for Kafka as long as it is away.
        """
        shipments = self._ahead or self._read()
        records = [record for _, shipment in shipments for record in shipment.records]
        _, self._ahead = await asyncio.gather(self._deliver(records), self._read_on(shipments))
        metrics.SHIPPED.inc(len(records))
        for run, shipment in shipments:
            for damage in shipment.damages:
                self._journals.set_aside(run, shipment.end.first_seq, damage)
        # Only now, because the end of a run says that everything before it has arrived.
        await self._deliver(
            [record for run, shipment in shipments for record in run.closing_records(shipment)]
        )
        for run, shipment in shipments:
            run.acknowledge(shipment)
        self._journals.measure()
        return len(records)

    def _read(self, after: Shipments = ()) -> Shipments:
        """Read a shipment of each run, after those that are on their way."""
        on_their_way = dict(after)
        shipments = [(run, on_their_way.get(run)) for run in self._journals.runs()]
        share_bytes = max(SHIPMENT_BYTES_MIN, self._batch_bytes_max // max(1, len(shipments)))
        return [
            (run, run.read(share_bytes, after=before))
            for run, before in shipments
            if before is None or not before.is_last
        ]

    async def _read_on(self, shipments: Shipments) -> Shipments:
        """Read the next shipments while Kafka takes these; return none if these or those hold no records."""
        if not any(shipment.records for _, shipment in shipments):
            return ()
        for _ in range(_TURNS_TO_SEND):
            await asyncio.sleep(0)
        following = self._read(shipments)
        return following if any(shipment.records for _, shipment in following) else ()

    async def _deliver(self, records: Sequence[Record]) -> None:
        waiting, backoff = _group_by_partition(records, self._partitions), Backoff()
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


def choose_partition(record: Record, partitions: int) -> int:
    """Choose by subscriber key, so that a key's events stay in order, or by event id if there is no key."""
    scattered = record.key or dict(record.headers)["ce_id"]
    return crc32(scattered) % partitions


def _group_by_partition(records: Iterable[Record], partitions: int) -> dict[int, list[Record]]:
    found: defaultdict[int, list[Record]] = defaultdict(list)
    for record in records:
        found[choose_partition(record, partitions)].append(record)
    return dict(found)
