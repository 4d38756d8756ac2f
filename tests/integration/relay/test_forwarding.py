"""Every event of the ledger reaches Kafka in order; some may be repeated, none is skipped."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from keyfold.kafka.connection import ProducerOptions
from keyfold.runtime.settings.kafka import KafkaAccess
from tests.support.bed import Topics
from tests.support.eventually import eventually
from tests.support.relay.running import (
    AskedLedger,
    Holds,
    read_metric,
    read_rows,
    relay_on,
)


async def test_in_order(database: str, kafka_access: KafkaAccess, topics: Topics) -> None:
    """Events appended before and during its run are on the topic, in order and exactly as hashed."""
    topic = await topics("relay")
    async with relay_on(database, kafka_access, topic) as relay:
        await relay.append(*range(1, 9))
        async with relay.running():
            await relay.forwarded(8)
            await relay.append(9, 10)
            await relay.forwarded(10)
        assert await read_rows(kafka_access, topic) == await relay.ledger.rows_after(0, 100)


async def test_woken(database: str, kafka_access: KafkaAccess, topics: Topics) -> None:
    """An append wakes an idle relay: the event is on its way long before the next poll."""
    topic = await topics("relay")
    async with relay_on(database, kafka_access, topic) as relay, relay.running():
        await relay.append(1)
        await relay.forwarded(1)
        started = asyncio.get_running_loop().time()
        for number in range(2, 7):
            await relay.append(number)
            await relay.forwarded(number)
        assert asyncio.get_running_loop().time() - started < 2.5  # five polls would be five seconds


async def test_backlog(database: str, kafka_access: KafkaAccess, topics: Topics) -> None:
    """A relay that is behind waits for nothing between its batches."""
    topic = await topics("relay")
    async with relay_on(database, kafka_access, topic) as relay:
        await relay.append(*range(1, 31))
        started = asyncio.get_running_loop().time()
        async with relay.running():
            await relay.forwarded(30)
        assert asyncio.get_running_loop().time() - started < 5  # ten polls would be ten seconds


async def test_nothing_between_waking_and_publishing(
    database: str, kafka_access: KafkaAccess, topics: Topics
) -> None:
    """An idle relay queries PostgreSQL only once before it publishes, and its lag is still known."""
    topic, asked = await topics("relay"), list[str]()
    publisher = Holds(ProducerOptions(kafka=kafka_access), asked)
    async with (
        relay_on(database, kafka_access, topic, publisher, lambda pool: AskedLedger(pool, asked)) as relay,
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


async def _are_measured(*, position: int, lag: int) -> bool:
    return (read_metric("position"), read_metric("lag_events")) == (position, lag)


async def _is_last(asked: Sequence[str], expected: str) -> bool:
    return asked[-1:] == [expected]
