"""A broker that is killed and comes back, with publishers and readers that live through it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.errors import KafkaFailure, OutcomeUnknown, Unavailable
from keyfold.kafka.partition_reader import PartitionReader
from keyfold.kafka.publisher import Publisher
from keyfold.local.servers.kafka import LocalKafka
from tests.support.bed import Topics, kafka_in
from tests.support.kafka.records import make_numbered, read_all, read_until, values

TIMEOUT_S = 60


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[LocalKafka]:
    """A broker of this test's own."""
    own = kafka_in(tmp_path)
    await own.start()
    yield own
    await own.stop()


async def publish_insisting(publisher: Publisher, topic: str, count: int) -> int:
    """Publish numbers one by one, repeating each until it is acknowledged; return the number of repeats."""
    repeats = 0
    for number in range(count):
        while True:
            try:
                await publisher.publish(topic, 0, make_numbered(number, number + 1))
            except KafkaFailure:
                repeats += 1
                await asyncio.sleep(0.1)
            else:
                break
        await asyncio.sleep(0.002)
    return repeats


async def test_kill_9(broker: LocalKafka) -> None:
    """After a kill -9 nothing acknowledged is lost or reordered, and readers go on by themselves."""
    topic = await Topics(kafka=broker.access)("survivor")
    options = ProducerOptions(kafka=broker.access, timeout_s=2)
    reader = PartitionReader(broker.access, topic, offset=0)

    async with asyncio.timeout(TIMEOUT_S), Publisher(options) as publisher, reader:
        publishing = asyncio.create_task(publish_insisting(publisher, topic, 400))
        seen = await read_until(reader, 50)
        await broker.kill()
        assert await reader.read(timeout_s=0.2) == []
        await broker.start()
        assert await publishing > 0
        seen += await read_until(reader, await reader.end_offset())

    numbers = values(seen)
    assert sorted(set(numbers)) == list(range(400))
    assert list(dict.fromkeys(numbers)) == list(range(400))


async def test_hung_broker(broker: LocalKafka) -> None:
    """A hung broker makes the outcome unknown in bounded time; sent again, everything is there in order."""
    topic = await Topics(kafka=broker.access)("hung")
    options = ProducerOptions(kafka=broker.access, timeout_s=1)
    async with asyncio.timeout(TIMEOUT_S), Publisher(options) as publisher:
        await publisher.publish(topic, 0, make_numbered(0, 10))
        os.kill(broker.child.pid, signal.SIGSTOP)
        try:
            with pytest.raises(OutcomeUnknown):
                await publisher.publish(topic, 0, make_numbered(10, 20))
        finally:
            os.kill(broker.child.pid, signal.SIGCONT)
        await publisher.publish(topic, 0, make_numbered(10, 20))
    numbers = values(await read_all(broker.access, topic))
    assert list(dict.fromkeys(numbers)) == list(range(20))


async def test_stopped_without_broker(broker: LocalKafka) -> None:
    """Readers that are stopped at any moment while the broker is away cancel nobody but themselves."""
    topic = await Topics(kafka=broker.access)("away")
    readers = [PartitionReader(broker.access, topic, offset=0) for _ in range(10)]
    async with asyncio.timeout(TIMEOUT_S):
        for each in readers:
            assert await each.read(timeout_s=0.1) == []
        await broker.kill()
        for each in readers:
            assert await each.read(timeout_s=0.05) == []
            await each.stop()


async def test_deaf_consumer(broker: LocalKafka) -> None:
    """A consumer that does not answer any call is given up; a fresh one goes on where it was."""
    topic = await Topics(kafka=broker.access)("deaf")
    reader = PartitionReader(broker.access, topic, offset=0)
    async with (
        asyncio.timeout(TIMEOUT_S),
        Publisher(ProducerOptions(kafka=broker.access)) as publisher,
        reader,
    ):
        await publisher.publish(topic, 0, make_numbered(0, 10))
        seen = await read_until(reader, 10)
        with capture_logs() as logs:
            os.kill(broker.child.pid, signal.SIGSTOP)
            try:
                with pytest.raises(Unavailable):
                    await reader.end_offset()
            finally:
                os.kill(broker.child.pid, signal.SIGCONT)
            await publisher.publish(topic, 0, make_numbered(10, 20))
            seen += await read_until(reader, 20)
    assert [line["event"] for line in logs] == ["consumer_given_up"]
    assert values(seen) == list(range(20))


async def test_watched_consumer(broker: LocalKafka) -> None:
    """A reader that only reads also finds out that its consumer does not answer."""
    topic = await Topics(kafka=broker.access)("watched")
    reader = PartitionReader(broker.access, topic, offset=0, stall_timeout_s=0.5)
    async with (
        asyncio.timeout(TIMEOUT_S),
        Publisher(ProducerOptions(kafka=broker.access)) as publisher,
        reader,
    ):
        await publisher.publish(topic, 0, make_numbered(0, 10))
        seen = await read_until(reader, 10)
        os.kill(broker.child.pid, signal.SIGSTOP)
        try:
            with capture_logs() as logs:
                while not logs:
                    assert await reader.read(timeout_s=0.2) == []
        finally:
            os.kill(broker.child.pid, signal.SIGCONT)
        await publisher.publish(topic, 0, make_numbered(10, 20))
        seen += await read_until(reader, 20)
    assert [line["event"] for line in logs] == ["consumer_given_up"]
    assert values(seen) == list(range(20))
