"""An audit consumer as its process runs it, and the topics that it reads and writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from keyfold.audit.ingest.consumer import SOURCE, IngestMetrics
from keyfold.audit.ingest.sink import AccessLogShare, AccessLogSink, Entries
from keyfold.domain.access.event import AccessEvent
from keyfold.ingest.delivery import Delivery, SettingAside
from keyfold.ingest.loop import IngestLoop
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.dead_letters.bound import DeadLetterBound
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.reader import Reader
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.access_log.completeness.closed_runs import ClosedRuns
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.partition_shares import PartitionShare
from keyfold.wire.access.codec import access_record, encode_access_event
from keyfold.wire.record import Received, Record
from tests.support.access_events import EPOCH
from tests.support.kafka.records import read_all
from tests.support.runtime.tokens import SetClock

FUTURE_MAX_S = 300.0


class NoonClock(SetClock):
    """A clock that always says noon, while intervals pass as usual."""

    def monotonic_s(self) -> float:
        """Return the real time."""
        return SYSTEM_CLOCK.monotonic_s()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wires:
    """A topic of access events, one of dead letters, and a publisher."""

    bootstrap: str
    dsn: str
    topic: str
    dead_letter_topic: str
    publisher: Publisher

    async def publish(self, *events: AccessEvent, partition: int = 0) -> None:
        """Publish events as a shipper does."""
        await self.publish_raw([access_record(encode_access_event(each)) for each in events], partition)

    async def publish_raw(self, records: Iterable[Record], partition: int = 0) -> None:
        """Publish any records."""
        await self.publisher.publish(self.topic, partition, list(records))

    async def dead_letters(self) -> list[Received]:
        """Return all dead letters so far."""
        return await read_all(self.bootstrap, self.dead_letter_topic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """A running consumer."""

    following: IngestLoop[Entries]
    delivery: Delivery[Entries]
    reader: Reader
    task: asyncio.Task[None]


@asynccontextmanager
async def consuming(
    wires: Wires,
    pool: Pool,
    *,
    dead_min: int = 20,
    dead_letters: Publisher | None = None,
    reader: Reader | None = None,
) -> AsyncIterator[Consumer]:
    """Run a consumer whose clock says the events' noon."""
    clock = NoonClock(at=EPOCH)
    async with (
        dead_letters or Publisher(ProducerOptions(bootstrap=wires.bootstrap)) as publisher,
        PartitionShare(wires.dsn, wires.topic) as share,
        reader or Reader(wires.bootstrap, wires.topic) as reader,
    ):
        sink = AccessLogSink(
            access_log=AccessLog(pool, wires.topic),
            closed_runs=ClosedRuns(pool),
            partitions=Partitions(pool),
            clock=clock,
            future_max_s=FUTURE_MAX_S,
        )
        set_aside = SettingAside(
            publisher=publisher,
            topic=wires.dead_letter_topic,
            bound=DeadLetterBound(topic=wires.topic, dead_min=dead_min),
        )
        delivery = Delivery(sink, set_aside, IngestMetrics(), chunk_max=20)
        following = IngestLoop(
            reader,
            AccessLogShare(share),
            delivery,
            source=SOURCE,
            partition_count=partial(publisher.partition_count, wires.topic),
            clock=clock,
            read_max=1000,
            batch_wait_s=0.01,
            lag_interval_s=0.2,
        )
        task = asyncio.create_task(following.run())
        try:
            yield Consumer(following=following, delivery=delivery, reader=reader, task=task)
        finally:
            task.cancel()
            await asyncio.wait([task])
