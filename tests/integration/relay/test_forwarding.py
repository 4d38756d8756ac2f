"""Every event of the ledger reaches Kafka in order; some may be repeated, none is skipped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.partition_reader import end_offset
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.topics import ensure_topics
from keyfold.relay.forwarding import Forwarding, TopicMadeAnew
from keyfold.runtime import metrics
from keyfold.store.ledger.append import LEDGER_CHANNEL, Ledger
from keyfold.store.ledger.relay_offset import RelayOffset
from keyfold.store.postgres.connection import Pool, open_pool
from keyfold.store.postgres.errors import LeadershipLost
from keyfold.store.postgres.notifications import Notifications
from keyfold.wire.events.chain import GENESIS, Head, LedgerGap, Row, follow
from keyfold.wire.events.record import read_lifecycle_record
from keyfold.wire.record import Record
from keyfold.wire.topics import TopicSpec
from tests.support.bed import Topics
from tests.support.database import execute
from tests.support.eventually import eventually
from tests.support.kafka.losing_answers import LosesAnswers
from tests.support.kafka.records import read_all
from tests.support.store.events import created, draft, now


class Relay:
    """A relay of the test's own, and what it works on."""

    def __init__(self, ledger: Ledger, offset: RelayOffset, forwarding: Forwarding) -> None:
        self.ledger = ledger
        self.offset = offset
        self.forwarding = forwarding

    async def append(self, *numbers: int) -> None:
        """Append an event for each number."""
        drafts = [draft(created(number)) for number in numbers]
        await self.ledger.append(drafts, {each.stream: 0 for each in drafts}, now())

    async def forwarded(self, position: int) -> None:
        """Wait until the offset is there."""

        async def there() -> bool:
            return await self.offset.position() >= position

        await eventually(there)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """Forward for the length of the block, then die in the middle of it."""
        task = asyncio.create_task(self.forwarding.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])


@asynccontextmanager
async def _relay(
    database: str,
    bootstrap: str,
    topic: str,
    publisher: Publisher | None = None,
    ledger_of: Callable[[Pool], Ledger] = Ledger,
) -> AsyncIterator[Relay]:
    async with (
        open_pool(database, application_name="test") as pool,
        publisher or Publisher(ProducerOptions(bootstrap=bootstrap)) as publishing,
        Notifications(database, LEDGER_CHANNEL) as notifications,
    ):
        ledger, offset = ledger_of(pool), RelayOffset(pool)
        yield Relay(
            ledger,
            offset,
            Forwarding(
                ledger,
                offset,
                publishing,
                notifications,
                topic_end=partial(end_offset, bootstrap, topic),
                batch_rows_max=3,
                topic=topic,
            ),
        )


class Died(Exception):
    """The end of a relay, as by kill -9 at that moment."""


class Dies(Publisher):
    """Publishes every third time; at other times its relay dies right before or right after publishing."""

    def __init__(self, options: ProducerOptions) -> None:
        super().__init__(options)
        self._calls = 0

    async def publish(self, topic: str, partition: int, records: Sequence[Record]) -> int | None:
        """Publish, or die before or after it."""
        self._calls += 1
        if self._calls % 3 == 1:
            raise Died
        end = await super().publish(topic, partition, records)
        if self._calls % 3 == 2:
            raise Died
        return end


class AskedLedger(Ledger):
    """Notes what it is asked for."""

    def __init__(self, pool: Pool, asked: list[str]) -> None:
        super().__init__(pool)
        self._asked = asked

    async def rows_after(self, position: int, limit: int) -> list[tuple[Row, bytes]]:
        """Note it, and return them."""
        self._asked.append("rows")
        return await super().rows_after(position, limit)

    async def head(self) -> Head:
        """Note it, and return it."""
        self._asked.append("head")
        return await super().head()


class Holds(Publisher):
    """Publishes once it may, and notes the lag at that time."""

    def __init__(self, options: ProducerOptions, asked: list[str]) -> None:
        super().__init__(options)
        self._asked = asked
        self.let = asyncio.Event()

    async def publish(self, topic: str, partition: int, records: Sequence[Record]) -> int | None:
        """Note it, and publish when let."""
        self._asked.append(f"publish {len(records)} of {_read_metric('lag_events'):.0f}")
        await self.let.wait()
        return await super().publish(topic, partition, records)


async def _rows(bootstrap: str, topic: str) -> list[tuple[Row, bytes]]:
    return [read_lifecycle_record(received) for received in await read_all(bootstrap, topic)]


def _follow(rows: Sequence[tuple[Row, bytes]]) -> int:
    """Return the position that a consumer reaches if it drops repeats and stops at gaps."""
    head = GENESIS
    for row, row_hash in rows:
        head = follow(head, row, row_hash) or head
    return head.position


async def test_in_order(database: str, kafka_bootstrap: str, topics: Topics) -> None:
    """Events appended before and during its run are on the topic, in order and exactly as hashed."""
    topic = await topics("relay")
    async with _relay(database, kafka_bootstrap, topic) as relay:
        await relay.append(*range(1, 9))
        async with relay.running():
            await relay.forwarded(8)
            await relay.append(9, 10)
            await relay.forwarded(10)
        assert await _rows(kafka_bootstrap, topic) == await relay.ledger.rows_after(0, 100)


async def test_woken(database: str, kafka_bootstrap: str, topics: Topics) -> None:
    """An append wakes an idle relay: the event is on its way long before the next poll."""
    topic = await topics("relay")
    async with _relay(database, kafka_bootstrap, topic) as relay, relay.running():
        await relay.append(1)
        await relay.forwarded(1)
        started = asyncio.get_running_loop().time()
        for number in range(2, 7):
            await relay.append(number)
            await relay.forwarded(number)
        assert asyncio.get_running_loop().time() - started < 2.5  # five polls would be five seconds


async def test_backlog(database: str, kafka_bootstrap: str, topics: Topics) -> None:
    """A relay that is behind waits for nothing between its batches."""
    topic = await topics("relay")
    async with _relay(database, kafka_bootstrap, topic) as relay:
        await relay.append(*range(1, 31))
        started = asyncio.get_running_loop().time()
        async with relay.running():
            await relay.forwarded(30)
        assert asyncio.get_running_loop().time() - started < 5  # ten polls would be ten seconds


async def test_nothing_between_waking_and_publishing(
    database: str, kafka_bootstrap: str, topics: Topics
) -> None:
    """An idle relay queries PostgreSQL only once before it publishes, and its lag is still known."""
    topic, asked = await topics("relay"), list[str]()
    publisher = Holds(ProducerOptions(bootstrap=kafka_bootstrap), asked)
    async with (
        _relay(database, kafka_bootstrap, topic, publisher, lambda pool: AskedLedger(pool, asked)) as relay,
        relay.running(),
    ):
        await relay.append(1)
        await eventually(lambda: _is_last(asked, "publish 1 of 1"))
        await relay.append(*range(2, 7))
        publisher.let.set()
        await relay.forwarded(6)
        await eventually(lambda: _are_measured(position=6, lag=0))
    published = [pair for pair in pairwise(asked) if pair[1].startswith("publish")]
    assert published == [("rows", "publish 1 of 1"), ("head", "publish 3 of 5"), ("rows", "publish 2 of 2")]


def _read_metric(name: str) -> float:
    value = metrics.REGISTRY.get_sample_value(f"keyfold_relay_{name}")
    assert value is not None
    return value


async def _are_measured(*, position: int, lag: int) -> bool:
    return (_read_metric("position"), _read_metric("lag_events")) == (position, lag)


async def _is_last(asked: Sequence[str], expected: str) -> bool:
    return asked[-1:] == [expected]


async def test_dies_before_its_offset_moves(database: str, kafka_bootstrap: str, topics: Topics) -> None:
    """After a relay died between publishing and moving its offset, its successor repeats and never skips."""
    topic = await topics("relay")
    async with _relay(database, kafka_bootstrap, topic) as relay:
        await relay.append(*range(1, 6))
        async with relay.running():
            await relay.forwarded(5)
        await execute(database, "update ledger.relay_checkpoint set position = 2")
        await relay.append(6)
        async with relay.running():
            await relay.forwarded(6)
    rows = await _rows(kafka_bootstrap, topic)
    assert [row.position for row, _ in rows] == [1, 2, 3, 4, 5, 3, 4, 5, 6]
    assert _follow(rows) == 6


async def test_dies_again_and_again(database: str, kafka_bootstrap: str, topics: Topics) -> None:
    """However often relays die, before or after publishing, the topic has no gap."""
    topic = await topics("relay")
    publisher = Dies(ProducerOptions(bootstrap=kafka_bootstrap))
    async with _relay(database, kafka_bootstrap, topic, publisher) as relay:
        await relay.append(*range(1, 20))
        while await relay.offset.position() < 19:
            async with relay.running() as task:
                done, _ = await asyncio.wait([task], timeout=1)
                assert all(isinstance(each.exception(), Died) for each in done)
    rows = await _rows(kafka_bootstrap, topic)
    assert _follow(rows) == 19
    assert len(rows) > 19


async def test_unknown_outcome(database: str, kafka_bootstrap: str, topics: Topics) -> None:
    """If it is unknown whether Kafka has the events, they are sent again, and readiness says so meanwhile."""
    topic = await topics("relay")
    publisher = LosesAnswers(ProducerOptions(bootstrap=kafka_bootstrap), times=2)
    async with _relay(database, kafka_bootstrap, topic, publisher) as relay:
        await relay.append(1, 2)
        async with relay.running():

            async def unready() -> str | None:
                return relay.forwarding.unready()

            assert await eventually(unready) == "Kafka is away"
            await relay.forwarded(2)
        assert relay.forwarding.unready() is None
    rows = await _rows(kafka_bootstrap, topic)
    assert [row.position for row, _ in rows] == [1, 2, 1, 2, 1, 2]


async def test_gap_in_the_ledger(database: str, kafka_bootstrap: str, topics: Topics) -> None:
    """A ledger that lacks a row is not forwarded past it."""
    topic = await topics("relay")
    async with _relay(database, kafka_bootstrap, topic) as relay:
        await relay.append(*range(1, 7))
        await execute(database, "delete from ledger.events where position = 5")
        with pytest.raises(LedgerGap):
            await relay.forwarding.run()
        assert await relay.offset.position() == 3
    assert _follow(await _rows(kafka_bootstrap, topic)) == 3


async def test_two_relays(database: str, kafka_bootstrap: str, topics: Topics) -> None:
    """Of two relays that both believe they lead, one finds out when it moves the offset, and stops."""
    topic = await topics("relay")
    async with (
        _relay(database, kafka_bootstrap, topic) as one,
        _relay(database, kafka_bootstrap, topic) as other,
        one.running() as first,
        other.running() as second,
    ):
        await one.forwarded(0)
        await one.append(*range(1, 31))
        done, _ = await asyncio.wait([first, second], timeout=20, return_when=asyncio.FIRST_COMPLETED)
        await one.forwarded(30)
        for task in done:
            with pytest.raises(LeadershipLost):
                task.result()
    assert _follow(await _rows(kafka_bootstrap, topic)) == 30


async def test_a_topic_that_was_made_anew(database: str, kafka_bootstrap: str, topics: Topics) -> None:
    """What comes after a hole is not forwarded: the relay stops, says what is wrong, and moves nothing; sent
    back to position 0 it fills the topic again.
    """
    async with _relay(database, kafka_bootstrap, await topics("relay")) as relay:
        await relay.append(1, 2, 3)
        async with relay.running():
            await relay.forwarded(3)
    async with _relay(database, kafka_bootstrap, await topics("relay")) as relay:
        await relay.append(4)
        with pytest.raises(TopicMadeAnew, match="ends at offset 0, and 3 events were forwarded"):
            await relay.forwarding.run()
        assert await relay.offset.position() == 3
        await execute(database, "update ledger.relay_checkpoint set position = 0")
        async with relay.running():
            await relay.forwarded(4)


async def test_a_topic_that_was_made_anew_meanwhile(
    database: str, kafka_bootstrap: str, topics: Topics
) -> None:
    """A relay that runs while its topic is deleted stops after what came first behind the hole."""
    topic = await topics("relay")
    async with _relay(database, kafka_bootstrap, topic) as relay, relay.running() as running:
        await relay.append(1, 2, 3)
        await relay.forwarded(3)
        await _made_anew(kafka_bootstrap, topic)
        await relay.append(4)
        with pytest.raises(TopicMadeAnew, match="ends at offset 1, and 4 events were forwarded"):
            await asyncio.wait_for(running, 30)
        assert await relay.offset.position() == 3
    await _made_anew(kafka_bootstrap, topic)
    await execute(database, "update ledger.relay_checkpoint set position = 0")
    async with _relay(database, kafka_bootstrap, topic) as relay, relay.running():
        await relay.forwarded(4)
    assert _follow(await _rows(kafka_bootstrap, topic)) == 4


async def _made_anew(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.delete_topics([topic])

    async def is_gone() -> bool:
        return topic not in await admin.list_topics()

    await eventually(is_gone)
    await admin.close()
    await ensure_topics(bootstrap, [TopicSpec(name=topic, partitions=1, config={})])
