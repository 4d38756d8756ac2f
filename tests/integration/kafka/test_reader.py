"""Reading one partition from a real broker."""

from __future__ import annotations

import asyncio

import pytest

from libs.kafka.connection import ProducerOptions
from libs.kafka.errors import Misconfigured, RecordsGone, Unavailable
from libs.kafka.publisher import Publisher
from libs.kafka.reader import PartitionReader
from services.cli.local.ports import free_ports
from tests.bed import Topics
from tests.integration.kafka.records import numbered, read_until, values


@pytest.fixture
async def hundred(kafka_bootstrap: str, topics: Topics) -> str:
    """A topic of one partition with the records 0 to 99."""
    topic = await topics("hundred")
    async with Publisher(ProducerOptions(bootstrap=kafka_bootstrap)) as publisher:
        await publisher.publish(topic, 0, numbered(0, 100))
    return topic


async def test_resumes(kafka_bootstrap: str, hundred: str) -> None:
    """A reader that starts at the offset where another stopped repeats nothing and misses nothing."""
    async with PartitionReader(kafka_bootstrap, hundred, offset=0) as first:
        begun = await first.read(records_max=37)
    async with PartitionReader(kafka_bootstrap, hundred, offset=first.next_offset) as second:
        rest = await read_until(second, 100)
    assert values(begun) == list(range(37))
    assert values(rest) == list(range(37, 100))
    assert [record.offset for record in rest] == list(range(37, 100))


async def test_iterates(kafka_bootstrap: str, hundred: str) -> None:
    """Iteration yields batches in order and waits for what comes later."""
    seen: list[int] = []
    reader = PartitionReader(kafka_bootstrap, hundred, offset=0)
    async with (
        asyncio.timeout(20),
        reader,
        Publisher(ProducerOptions(bootstrap=kafka_bootstrap)) as publisher,
    ):
        async for batch in reader:
            if not seen:
                await publisher.publish(hundred, 0, numbered(100, 110))
            seen += values(batch)
            if len(seen) == 110:
                break
    assert seen == list(range(110))


async def test_nothing_new(kafka_bootstrap: str, hundred: str) -> None:
    """At the end a read returns nothing, in its time."""
    async with PartitionReader(kafka_bootstrap, hundred, offset=100) as reader:
        async with asyncio.timeout(2):
            assert await reader.read(timeout_s=0.1) == []
        assert await reader.end_offset() == 100


async def test_gone(kafka_bootstrap: str, hundred: str) -> None:
    """An offset that the broker does not have is an alarm that names it, never a silent jump."""
    async with PartitionReader(kafka_bootstrap, hundred, offset=5_000) as reader:
        with pytest.raises(RecordsGone, match=r"hundred.*\[0\] no longer has offset 5000") as raised:
            await reader.read(timeout_s=10)
    assert raised.value.wanted == 5_000


async def test_no_such_topic(kafka_bootstrap: str) -> None:
    """A topic that does not exist is Misconfigured, not waited for."""
    with pytest.raises(Misconfigured, match=r"no topic test\.nowhere"):
        await PartitionReader(kafka_bootstrap, "test.nowhere", offset=0).start()


async def test_no_broker() -> None:
    """Without a broker, a reader that starts is Unavailable at once."""
    (port,) = free_ports(1)
    with pytest.raises(Unavailable):
        await PartitionReader(f"127.0.0.1:{port}", "any", offset=0).start()
