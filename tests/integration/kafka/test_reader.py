"""Reading one partition and several from a real broker."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AsyncExitStack

import pytest
from structlog.testing import capture_logs

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.errors import KafkaMisconfigured, RecordsGone, Unavailable
from keyfold.kafka.partition_reader import PartitionReader
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.reader import Reader
from keyfold.local.process.ports import free_ports
from keyfold.runtime.metrics import REGISTRY
from keyfold.runtime.settings.kafka import KafkaAccess
from tests.support.bed import Topics
from tests.support.kafka.records import make_numbered, read_until, values
from tests.support.kafka.strangers import commit_transaction, leave_transaction_open, write_unreadable


@pytest.fixture
async def hundred(kafka_access: KafkaAccess, topics: Topics) -> str:
    """A topic of one partition with the records 0 to 99."""
    topic = await topics("hundred")
    async with Publisher(ProducerOptions(kafka=kafka_access)) as publisher:
        await publisher.publish(topic, 0, make_numbered(0, 100))
    return topic


@pytest.fixture
async def spread(kafka_access: KafkaAccess, topics: Topics) -> str:
    """A topic of three partitions, each with the records 0 to 49."""
    topic = await topics("spread", partitions=3)
    async with Publisher(ProducerOptions(kafka=kafka_access)) as publisher:
        await asyncio.gather(*(publisher.publish(topic, at, make_numbered(0, 50)) for at in range(3)))
    return topic


async def read_to(
    reader: Reader, positions: Mapping[int, int], *, records_max: int = 1000
) -> dict[int, list[int]]:
    """Return the numbers that come until the reader has reached this offset."""
    seen: defaultdict[int, list[int]] = defaultdict(list)
    async with asyncio.timeout(20):
        while reader.positions != positions:
            for partition, records in (await reader.read(records_max, timeout_s=0.2)).items():
                seen[partition] += values(records)
    return dict(seen)


async def test_resumes(kafka_access: KafkaAccess, hundred: str) -> None:
    """A reader that starts at the offset where another stopped repeats nothing and misses nothing."""
    async with PartitionReader(kafka_access, hundred, offset=0) as first:
        begun = await first.read(records_max=37)
    async with PartitionReader(kafka_access, hundred, offset=first.next_offset) as second:
        rest = await read_until(second, 100)
    assert values(begun) == list(range(37))
    assert values(rest) == list(range(37, 100))
    assert [record.offset for record in rest] == list(range(37, 100))


async def test_waits(kafka_access: KafkaAccess, hundred: str) -> None:
    """Records that come after the end was reached are read as they come."""
    async with (
        PartitionReader(kafka_access, hundred, offset=90) as reader,
        Publisher(ProducerOptions(kafka=kafka_access)) as publisher,
    ):
        seen = values(await read_until(reader, 100))
        await publisher.publish(hundred, 0, make_numbered(100, 110))
        seen += values(await read_until(reader, 110))
    assert seen == list(range(90, 110))


async def test_nothing_new(kafka_access: KafkaAccess, hundred: str) -> None:
    """At the end a read returns nothing, within its time-out."""
    async with PartitionReader(kafka_access, hundred, offset=100) as reader:
        async with asyncio.timeout(2):
            assert await reader.read(timeout_s=0.1) == []
        assert await reader.end_offset() == 100


async def test_gone(kafka_access: KafkaAccess, hundred: str) -> None:
    """An offset that the broker does not have raises an error that names it, never a silent jump."""
    async with PartitionReader(kafka_access, hundred, offset=5_000) as reader:
        with pytest.raises(RecordsGone, match=r"hundred.*\[0\] no longer has offset 5000") as raised:
            await reader.read(timeout_s=10)
    assert raised.value.wanted == 5_000


async def test_no_such_topic(kafka_access: KafkaAccess) -> None:
    """A topic that does not exist is KafkaMisconfigured, not waited for."""
    with pytest.raises(KafkaMisconfigured, match=r"no topic test\.nowhere"):
        await PartitionReader(kafka_access, "test.nowhere", offset=0).start()


async def test_no_broker() -> None:
    """Without a broker, starting a reader raises Unavailable at once."""
    (port,) = free_ports(1)
    with pytest.raises(Unavailable):
        await PartitionReader(KafkaAccess(bootstrap=f"127.0.0.1:{port}"), "any", offset=0).start()


async def test_several(kafka_access: KafkaAccess, spread: str) -> None:
    """Each assigned partition is read from its own offset, and no other is read."""
    async with Reader(kafka_access, spread, {0: 10, 2: 50}) as reader:
        assert await read_to(reader, {0: 50, 2: 50}) == {0: list(range(10, 50))}
        assert await reader.end_offsets() == {0: 50, 2: 50}
        assert await reader.first_offsets(frozenset({1})) == {1: 0}


async def test_assigns(kafka_access: KafkaAccess, spread: str) -> None:
    """A new assignment holds from the next read on: nothing fetched for the old one comes."""
    async with Reader(kafka_access, spread, {0: 0, 1: 0}) as reader:
        [begun] = (await reader.read(records_max=10)).keys()
        await reader.assign({begun: 10, 2: 40})
        seen = await read_to(reader, {begun: 50, 2: 50})
    assert seen == {begun: list(range(10, 50)), 2: list(range(40, 50))}


async def test_cancelled(kafka_access: KafkaAccess, hundred: str) -> None:
    """A read that is cancelled at any moment loses no records."""
    async with PartitionReader(kafka_access, hundred, offset=0) as reader:
        seen: list[int] = []
        for turns in range(8):
            seen += values(await reader.read(records_max=1))  # and more has been fetched
            reading = asyncio.create_task(reader.read(records_max=1))
            for _ in range(turns):
                await asyncio.sleep(0)
            reading.cancel()
            [outcome] = await asyncio.gather(reading, return_exceptions=True)
            seen += [] if isinstance(outcome, BaseException) else values(outcome)
        seen += values(await read_until(reader, 100))
    assert seen == list(range(100))


async def test_nothing_assigned(kafka_access: KafkaAccess, spread: str) -> None:
    """Without a partition there is nothing to read and nothing to be behind."""
    async with Reader(kafka_access, spread) as reader:
        assert await reader.read(timeout_s=0.01) == {}
        assert (reader.positions, await reader.end_offsets()) == ({}, {})


async def test_passes_over_what_cannot_be_decoded(kafka_access: KafkaAccess, topics: Topics) -> None:
    """A batch that the driver cannot decode ends no reader: it is logged, counted and passed over whole."""
    topic = await topics("unreadable")
    async with Publisher(ProducerOptions(kafka=kafka_access)) as publisher:
        await publisher.publish(topic, 0, make_numbered(0, 5))
        for _ in range(2):
            await write_unreadable(kafka_access, topic, records=3)
        await publisher.publish(topic, 0, make_numbered(11, 15))
        await write_unreadable(kafka_access, topic)
    with capture_logs() as logs:
        async with PartitionReader(kafka_access, topic, offset=2) as reader:
            seen = values(await read_until(reader, 16))
    assert seen == [2, 3, 4, 11, 12, 13, 14]
    passed = [(each["first"], each["last"]) for each in logs if each["event"] == "unreadable_batch"]
    assert list(dict.fromkeys(passed)) == [(5, 7), (8, 10), (15, 15)]
    assert REGISTRY.get_sample_value("keyfold_kafka_unreadable_records_total", {"topic": topic}) == 7


async def test_others_are_read_beside_what_cannot_be_decoded(kafka_access: KafkaAccess, spread: str) -> None:
    """Of several partitions each is read once, in order, also by few records at a time."""
    await write_unreadable(kafka_access, spread, 1)
    async with Publisher(ProducerOptions(kafka=kafka_access)) as publisher:
        await asyncio.gather(*(publisher.publish(spread, at, make_numbered(50, 60)) for at in range(3)))
    async with Reader(kafka_access, spread, dict.fromkeys(range(3), 0)) as reader:
        seen = await read_to(reader, {0: 60, 1: 61, 2: 60}, records_max=7)
    assert seen == {at: list(range(60)) for at in range(3)}


async def test_transactions_of_others(kafka_access: KafkaAccess, topics: Topics) -> None:
    """A transaction that a stranger leaves open holds up nothing; the end of one counts as read."""
    topic = await topics("transactions")
    await commit_transaction(kafka_access, topic)
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(PartitionReader(kafka_access, topic, offset=0))
        assert values(await read_until(reader, 2)) == [-1]
        await leave_transaction_open(kafka_access, topic, stack)
        publisher = await stack.enter_async_context(Publisher(ProducerOptions(kafka=kafka_access)))
        await publisher.publish(topic, 0, make_numbered(3, 5))
        assert values(await read_until(reader, 5)) == [-1, 3, 4]
