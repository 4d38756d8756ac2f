"""replay: the ledger from Kafka into a fresh generation that is compared and swapped, against reading it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

from keyfold.domain.lifecycle.fold import RecordedEvent
from keyfold.domain.lifecycle.state import State
from keyfold.kafka.access import client_options
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.projection.lifecycle_topic import LifecycleTopic
from keyfold.projection.replay import Replay
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.store.postgres.connection import open_pool
from keyfold.wire.topics import LIFECYCLE
from tests.bench.contest import Contest, Figure, Figures, Side
from tests.bench.ground import Ground
from tests.bench.stopwatch import rate_per_s
from tests.support.bed import Topics
from tests.support.ledger_builder import LedgerBuilder
from tests.support.seals import TRUSTED
from tests.support.state_secret import STATE_SECRET
from tests.support.store.long_history import history

EVENTS = Figure(name="events/s")
LEDGER_EVENTS = 30_000
RECORDS_MAX = 10_000


@asynccontextmanager
async def contests(ground: Ground) -> AsyncIterator[Sequence[Contest]]:
    """Yield the replay of a topic of its own, and the fold of the same events in memory."""
    ledger = history(LEDGER_EVENTS)
    async with AsyncExitStack() as stack:
        kafka, dsn = await ground.kafka(), await ground.database()
        publisher = await stack.enter_async_context(Publisher(ProducerOptions(kafka=kafka)))
        topic = await _published(kafka, publisher, ledger)
        pool = await stack.enter_async_context(open_pool(dsn, application_name="bench"))
        lifecycle_topic = LifecycleTopic(
            kafka=kafka,
            dead_letters=publisher,
            trusted=TRUSTED,
            name=topic,
        )
        consumer = await stack.enter_async_context(_driver(kafka))
        yield [
            Contest(
                name="replay",
                figures=(EVENTS,),
                ours=_replaying(
                    Replay(dsn=dsn, pool=pool, topic=lifecycle_topic, clock=SYSTEM_CLOCK, secret=STATE_SECRET)
                ),
                bare=_reading(consumer, TopicPartition(topic, 0)),
            ),
            Contest(name="fold", figures=(EVENTS,), ours=_folding(ledger.recorded()), bare=None),
        ]


async def _published(kafka: KafkaAccess, publisher: Publisher, ledger: LedgerBuilder) -> str:
    topic = await Topics(kafka=kafka)("replay", config=LIFECYCLE.config)
    await publisher.publish(topic, 0, ledger.records())
    return topic


def _replaying(replay: Replay) -> Side:
    async def go() -> Figures:
        # The first one, which warms up, has nothing to compare with; all the others do.
        return {EVENTS.name: await rate_per_s(LEDGER_EVENTS, replay.run())}

    return Side(
        what="a whole replay: connect, read, check, fold, write, compare with the old, swap, drop", go=go
    )


def _reading(consumer: AIOKafkaConsumer, at: TopicPartition) -> Side:
    async def all_of_it() -> None:
        seen = 0
        while seen < LEDGER_EVENTS:
            fetched = await consumer.getmany(at, timeout_ms=1000, max_records=RECORDS_MAX)
            seen += sum(len(records) for records in fetched.values())

    async def go() -> Figures:
        consumer.assign([at])
        consumer.seek(at, 0)
        return {EVENTS.name: await rate_per_s(LEDGER_EVENTS, all_of_it())}

    return Side(what="getmany of the same records, connected already, and nothing done with them", go=go)


def _folding(events: Sequence[RecordedEvent]) -> Side:
    async def fold() -> None:
        state = State()
        for recorded in events:
            state.fold(recorded.event)

    async def go() -> Figures:
        return {EVENTS.name: await rate_per_s(LEDGER_EVENTS, fold())}

    return Side(what="State.fold in memory, as a gatekeeper does it", go=go)


@asynccontextmanager
async def _driver(kafka: KafkaAccess) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        **client_options(kafka),
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
