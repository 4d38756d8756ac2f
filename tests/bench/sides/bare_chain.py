"""The bare thing under a revocation: one row committed, one record through Kafka, one question answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from keyfold.kafka.access import client_options
from keyfold.kafka.topics import ensure_topics
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.wire.topics import TopicSpec
from tests.bench.load.exchange import Asker, open_asker
from tests.bench.side_by_side import SideBySide
from tests.bench.sides.revocations import Hops

TOPIC = TopicSpec(name="bench.bare", partitions=1)
TABLE = "create table bare (id bigint generated always as identity primary key, data text not null)"
INSERT = "insert into bare (data) values ($1)"
WARM_UP_RECORDS = 2_000
DATA = '{"key_id": "key_000000000001", "account_id": "acc_000000000001", "reason": null}'


@dataclass(frozen=True, slots=True, kw_only=True)
class BareChain:
    """The drivers themselves, on the same servers, over open connections."""

    database: asyncpg.Connection
    producer: AIOKafkaProducer
    consumer: AIOKafkaConsumer
    gatekeeper: Asker
    question: bytes

    async def go(self) -> Hops:
        """Do one after the other."""
        began_s = SYSTEM_CLOCK.monotonic_s()
        await self.database.execute(INSERT, DATA)
        committed_s = SYSTEM_CLOCK.monotonic_s()
        await self._through_kafka()
        readable_s = SYSTEM_CLOCK.monotonic_s()
        answered = await self.gatekeeper.ask(self.question)
        return Hops(
            committed_s=committed_s - began_s,
            readable_s=readable_s - began_s,
            denied_s=answered.at_s - began_s,
        )

    async def warm_up(self) -> None:
        """Let the broker do it until its code is compiled, which takes longer than the work."""
        for _ in range(WARM_UP_RECORDS):
            await self._through_kafka()

    async def _through_kafka(self) -> None:
        await self.producer.send_and_wait(TOPIC.name, DATA.encode(), partition=0)
        await self.consumer.getone()


@asynccontextmanager
async def open_bare_chain(both: SideBySide) -> AsyncIterator[BareChain]:
    """Yield it, with its own table and topic."""
    kafka = both.wiring.kafka_of["relay"]
    await ensure_topics(kafka, [TOPIC])
    async with AsyncExitStack() as stack:
        database = await asyncpg.connect(both.wiring.postgres_dsns["registry"])
        stack.push_async_callback(database.close)
        await database.execute(TABLE)
        producer = AIOKafkaProducer(**client_options(kafka), acks="all", linger_ms=0)
        await producer.start()
        stack.push_async_callback(producer.stop)
        consumer = AIOKafkaConsumer(**client_options(kafka), auto_offset_reset="earliest")
        await consumer.start()
        stack.push_async_callback(consumer.stop)
        consumer.assign([TopicPartition(TOPIC.name, 0)])
        yield BareChain(
            database=database,
            producer=producer,
            consumer=consumer,
            gatekeeper=await stack.enter_async_context(open_asker(both.own.port)),
            question=both.asking.request(0).encode("latin-1"),
        )
