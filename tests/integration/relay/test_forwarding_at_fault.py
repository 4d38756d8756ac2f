"""Relays that die, lose an answer, meet a gap, each other or a new topic: repeats perhaps, never a gap."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from keyfold.kafka.access import client_options
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.topics import ensure_topics
from keyfold.relay.forwarding import TopicMadeAnew
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.store.ledger.relay_offset import RelayOffset
from keyfold.store.postgres.errors import LeadershipLost
from keyfold.wire.events.chain import LedgerGap
from keyfold.wire.topics import TopicSpec
from tests.support.bed import Topics
from tests.support.database import execute
from tests.support.eventually import eventually
from tests.support.kafka.losing_answers import LosesAnswers
from tests.support.relay.running import (
    Died,
    Dies,
    follow_all,
    read_rows,
    relay_on,
)
from tests.support.store.logins import pool_of


async def test_dies_before_its_offset_moves(database: str, kafka_access: KafkaAccess, topics: Topics) -> None:
    """After a relay died between publishing and moving its offset, its successor repeats and never skips."""
    topic = await topics("relay")
    async with relay_on(database, kafka_access, topic) as relay:
        await relay.append(*range(1, 6))
        async with relay.running():
            await relay.forwarded(5)
        await execute(database, "update ledger.relay_checkpoint set position = 2")
        await relay.append(6)
        async with relay.running():
            await relay.forwarded(6)
    rows = await read_rows(kafka_access, topic)
    assert [row.position for row, *_ in rows] == [1, 2, 3, 4, 5, 3, 4, 5, 6]
    assert follow_all(rows) == 6


async def test_dies_again_and_again(database: str, kafka_access: KafkaAccess, topics: Topics) -> None:
    """However often relays die, before or after publishing, the topic has no gap."""
    topic = await topics("relay")
    publisher = Dies(ProducerOptions(kafka=kafka_access))
    async with relay_on(database, kafka_access, topic, publisher) as relay:
        await relay.append(*range(1, 20))
        while await relay.offset.position() < 19:
            async with relay.running() as task:
                done, _ = await asyncio.wait([task], timeout=1)
                assert all(isinstance(each.exception(), Died) for each in done)
    rows = await read_rows(kafka_access, topic)
    assert follow_all(rows) == 19
    assert len(rows) > 19


async def test_unknown_outcome(database: str, kafka_access: KafkaAccess, topics: Topics) -> None:
    """If it is unknown whether Kafka has the events, they are sent again, and readiness says so meanwhile."""
    topic = await topics("relay")
    publisher = LosesAnswers(ProducerOptions(kafka=kafka_access), times=2)
    async with relay_on(database, kafka_access, topic, publisher) as relay:
        await relay.append(1, 2)
        async with relay.running():

            async def unready() -> str | None:
                return relay.forwarding.unready()

            assert await eventually(unready) == "Kafka is away"
            await relay.forwarded(2)
        assert relay.forwarding.unready() is None
    rows = await read_rows(kafka_access, topic)
    assert [row.position for row, *_ in rows] == [1, 2, 1, 2, 1, 2]


async def test_gap_in_the_ledger(database: str, kafka_access: KafkaAccess, topics: Topics) -> None:
    """A ledger that lacks a row is not forwarded past it."""
    topic = await topics("relay")
    async with relay_on(database, kafka_access, topic) as relay:
        await relay.append(*range(1, 7))
        await execute(database, "delete from ledger.events where position = 5")
        with pytest.raises(LedgerGap):
            await relay.forwarding.run()
        assert await relay.offset.position() == 3
    assert follow_all(await read_rows(kafka_access, topic)) == 3


async def test_two_relays(database: str, kafka_access: KafkaAccess, topics: Topics) -> None:
    """Of two relays that both believe they lead, one finds out when it moves the offset, and stops."""
    topic = await topics("relay")
    async with (
        relay_on(database, kafka_access, topic) as one,
        relay_on(database, kafka_access, topic) as other,
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
    assert follow_all(await read_rows(kafka_access, topic)) == 30


async def test_a_topic_that_was_made_anew(database: str, kafka_access: KafkaAccess, topics: Topics) -> None:
    """What comes after a hole is not forwarded: the relay stops, says what is wrong, and moves nothing; sent
    back to position 0 it fills the topic again.
    """
    async with relay_on(database, kafka_access, await topics("relay")) as relay:
        await relay.append(1, 2, 3)
        async with relay.running():
            await relay.forwarded(3)
    async with relay_on(database, kafka_access, await topics("relay")) as relay:
        await relay.append(4)
        with pytest.raises(TopicMadeAnew, match="ends at offset 0, and 3 events were forwarded"):
            await relay.forwarding.run()
        assert await relay.offset.position() == 3
        assert await _set_back(database) == 3
        async with relay.running():
            await relay.forwarded(4)


async def test_a_topic_that_was_made_anew_meanwhile(
    database: str, kafka_access: KafkaAccess, topics: Topics
) -> None:
    """A relay that runs while its topic is deleted stops after what came first behind the hole."""
    topic = await topics("relay")
    async with relay_on(database, kafka_access, topic) as relay, relay.running() as running:
        await relay.append(1, 2, 3)
        await relay.forwarded(3)
        await _made_anew(kafka_access, topic)
        await relay.append(4)
        with pytest.raises(TopicMadeAnew, match="ends at offset 1, and 4 events were forwarded"):
            await asyncio.wait_for(running, 30)
        assert await relay.offset.position() == 3
    await _made_anew(kafka_access, topic)
    assert await _set_back(database) == 3
    async with relay_on(database, kafka_access, topic) as relay, relay.running():
        await relay.forwarded(4)
    assert follow_all(await read_rows(kafka_access, topic)) == 4


async def test_set_back_while_it_is_idle(database: str, kafka_access: KafkaAccess, topics: Topics) -> None:
    """A relay that runs and has nothing to do publishes again, from where it was set back to."""
    topic = await topics("relay")
    async with relay_on(database, kafka_access, topic) as relay, relay.running():
        await relay.append(1, 2, 3, 4)
        await relay.forwarded(4)
        assert await _set_back(database, 1) == 4
        await relay.forwarded(4)
    rows = await read_rows(kafka_access, topic)
    assert [row.position for row, *_ in rows] == [1, 2, 3, 4, 2, 3, 4]


async def _set_back(database: str, position: int = 0) -> int:
    """Set the offset back with the relay's own rights; return where it was."""
    async with pool_of(database, "relay") as pool:
        return await RelayOffset(pool).set_back(position)


async def _made_anew(kafka: KafkaAccess, topic: str) -> None:
    admin = AIOKafkaAdminClient(**client_options(kafka))
    await admin.start()
    await admin.delete_topics([topic])

    async def is_gone() -> bool:
        return topic not in await admin.list_topics()

    await eventually(is_gone)
    await admin.close()
    await ensure_topics(kafka, [TopicSpec(name=topic, partitions=1, config={})])
