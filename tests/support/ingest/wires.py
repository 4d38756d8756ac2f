"""The topics that a consumer reads and writes, and a running loop between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from keyfold.domain.access.event import AccessEvent
from keyfold.ingest.delivery import Delivery, SettingAside
from keyfold.ingest.junk_bound import JunkBound
from keyfold.ingest.loop import IngestLoop
from keyfold.ingest.port import IngestMeasures, Share, Sink
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.reader import Reader
from keyfold.runtime.clock import SYSTEM_CLOCK, Clock
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.record import Received, Record
from keyfold.wire.topics import ACCESS, DEAD_LETTER
from tests.support.access_events import record_of
from tests.support.bed import Topics
from tests.support.kafka.records import read_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Wires:
    """A topic of access events, one of dead letters, and a publisher."""

    kafka: KafkaAccess
    dsn: str
    topic: str
    dead_letter_topic: str
    publisher: Publisher

    async def publish(self, *events: AccessEvent, partition: int = 0) -> None:
        """Publish events as a shipper does."""
        await self.publish_raw([record_of(each) for each in events], partition)

    async def publish_raw(self, records: Iterable[Record], partition: int = 0) -> None:
        """Publish any records."""
        await self.publisher.publish(self.topic, partition, list(records))

    async def dead_letters(self) -> list[Received]:
        """Return all dead letters so far."""
        return await read_all(self.kafka, self.dead_letter_topic)


@asynccontextmanager
async def wires_between(kafka: KafkaAccess, topics: Topics, dsn: str) -> AsyncIterator[Wires]:
    """Make the topics, the first with two partitions, and connect a publisher."""
    async with Publisher(ProducerOptions(kafka=kafka)) as publisher:
        yield Wires(
            kafka=kafka,
            dsn=dsn,
            topic=await topics("access", partitions=2, config=ACCESS.config),
            dead_letter_topic=await topics("dead-letter", config=DEAD_LETTER.config),
            publisher=publisher,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A running loop, and what it works with."""

    loop: IngestLoop[Any]
    delivery: Delivery[Any]
    reader: Reader
    task: asyncio.Task[None]


@asynccontextmanager
async def run_loop(
    wires: Wires,
    sink: Sink[Any],
    share: Share,
    measures: IngestMeasures,
    *,
    source: str,
    clock: Clock = SYSTEM_CLOCK,
    junk_max: int = 20,
    dead_letters: Publisher | None = None,
    reader: Reader | None = None,
) -> AsyncIterator[Running]:
    """Run a loop from the wires into a sink."""
    async with (
        dead_letters or Publisher(ProducerOptions(kafka=wires.kafka)) as publisher,
        reader or Reader(wires.kafka, wires.topic) as reader,
    ):
        bound = JunkBound(clock, records_max=junk_max)
        set_aside = SettingAside(publisher=publisher, topic=wires.dead_letter_topic, bound=bound)
        delivery = Delivery(sink, set_aside, measures, chunk_max=20)
        loop = IngestLoop(
            reader,
            share,
            delivery,
            source=source,
            partition_count=partial(publisher.partition_count, wires.topic),
            clock=clock,
            read_max=1000,
            batch_wait_s=0.01,
            lag_interval_s=0.2,
        )
        task = asyncio.create_task(loop.run())
        try:
            yield Running(loop=loop, delivery=delivery, reader=reader, task=task)
        finally:
            task.cancel()
            await asyncio.wait([task])
