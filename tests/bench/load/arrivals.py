"""The age of access events when a query returns them: behind a gatekeeper, and with the drivers alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from keyfold.domain.ids import VendorId
from keyfold.kafka.access import client_options
from keyfold.kafka.topics import ensure_topics
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.store.access_log.arrivals import ArrivalPosition, newest_batch, read_arrivals
from keyfold.store.access_log.rows import COLUMNS, row_of
from keyfold.store.access_log.scope import Filters, Scope, VendorScope
from keyfold.store.postgres.connection import Pool
from keyfold.wire.access.codec import decode_access_event, encode_access_event
from keyfold.wire.topics import TopicSpec
from tests.bench.load.traffic import traffic

BARE = TopicSpec(name="bench.arrivals", partitions=1)
ROWS_A_LOOK = 1000
LOOK_INTERVAL_S = 0.005
TICK_S = 0.01
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Onlooker:
    """Asks for a vendor's activity again and again, as its stream does, and records each row's age."""

    pool: Pool
    vendor_id: str

    async def ages_s(self, duration_s: float) -> Sequence[float]:
        """Query for this long; return the ages of all rows that arrived."""
        ages_s: list[float] = []
        scope: Scope = VendorScope(vendor_id=VendorId(self.vendor_id))
        place = ArrivalPosition(batch=await newest_batch(self.pool))
        ends_s = SYSTEM_CLOCK.monotonic_s() + duration_s
        while SYSTEM_CLOCK.monotonic_s() < ends_s:
            since = SYSTEM_CLOCK.now() - HOUR
            found = await read_arrivals(
                self.pool, scope, Filters(), place, since=since, events_max=ROWS_A_LOOK
            )
            ages_s += _ages_s([event.at for _, event in found.events])
            place = found.upto
            await asyncio.sleep(LOOK_INTERVAL_S)
        return ages_s


@dataclass(frozen=True, slots=True, kw_only=True)
class BareArrivals:
    """The drivers alone: a batch is sent every 10 ms and fetched, and its rows are copied into a log."""

    pool: Pool
    producer: AIOKafkaProducer
    consumer: AIOKafkaConsumer
    firsts: count[int] = field(default_factory=lambda: count(1, 1_000_000))

    async def ages_s(self, rate_per_s: float, duration_s: float) -> Sequence[float]:
        """Send for this long; return the rows' ages when they were committed."""
        ages_s: list[float] = []
        ticks, events = int(duration_s / TICK_S), int(rate_per_s * TICK_S)
        receiving = asyncio.create_task(self._receive(ticks * events, ages_s))
        began_s, first = SYSTEM_CLOCK.monotonic_s(), next(self.firsts)
        for tick in range(ticks):
            await asyncio.sleep(began_s + tick * TICK_S - SYSTEM_CLOCK.monotonic_s())
            await self._send(first + tick * events, events)
        await receiving
        return ages_s

    async def _send(self, first: int, events: int) -> None:
        batch = self.producer.create_batch()
        for event in traffic(first, events, SYSTEM_CLOCK.now() - timedelta(microseconds=first)):
            batch.append(key=None, value=encode_access_event(event), timestamp=None)
        await self.producer.send_batch(batch, BARE.name, partition=0)

    async def _receive(self, events: int, ages_s: list[float]) -> None:
        while len(ages_s) < events:
            fetched = await self.consumer.getmany(timeout_ms=1000)
            received = [decode_access_event(each.value) for batch in fetched.values() for each in batch]
            rows = map(row_of, received)
            await self.pool.copy_records_to_table(
                "events", schema_name="access_log", columns=COLUMNS, records=rows
            )
            ages_s += _ages_s([event.at for event in received])


def _ages_s(times: Sequence[datetime]) -> Sequence[float]:
    now = SYSTEM_CLOCK.now()
    return [(now - at).total_seconds() for at in times]


@asynccontextmanager
async def open_bare_arrivals(kafka: KafkaAccess, pool: Pool) -> AsyncIterator[BareArrivals]:
    """Yield them, with a topic of their own."""
    await ensure_topics(kafka, [BARE])
    async with AsyncExitStack() as stack:
        producer = AIOKafkaProducer(**client_options(kafka), acks="all", enable_idempotence=True)
        await producer.start()
        stack.push_async_callback(producer.stop)
        consumer = AIOKafkaConsumer(**client_options(kafka), auto_offset_reset="earliest")
        await consumer.start()
        stack.push_async_callback(consumer.stop)
        consumer.assign([TopicPartition(BARE.name, 0)])
        yield BareArrivals(pool=pool, producer=producer, consumer=consumer)
