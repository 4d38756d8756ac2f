"""Publishing against a real broker."""

from __future__ import annotations

import asyncio

import pytest

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.errors import KafkaMisconfigured, RecordsRejected, Unavailable
from keyfold.kafka.partition_reader import PartitionReader
from keyfold.kafka.publisher import Publisher
from keyfold.local.process.ports import free_ports
from keyfold.runtime.settings.kafka import KafkaAccess
from tests.support.bed import Topics
from tests.support.kafka.records import make_numbered, read_all, values


@pytest.mark.parametrize("compression", ["lz4", "zstd", None])
async def test_order(kafka_access: KafkaAccess, topics: Topics, compression: str | None) -> None:
    """Records of many batches arrive whole, once each, in the order given."""
    topic = await topics("order")
    options = ProducerOptions(kafka=kafka_access, compression=compression, batch_bytes_max=2_000)
    async with Publisher(options) as publisher:
        await publisher.publish(topic, 0, make_numbered(0, 500))
        await asyncio.gather(
            *(publisher.publish(topic, 0, make_numbered(at, at + 1)) for at in range(500, 520))
        )

    received = await read_all(kafka_access, topic)

    assert values(received) == list(range(520))
    assert received[7].key == b"key-7"
    assert received[7].headers == (("ce_id", b"7"),)
    assert received[7].timestamp_ms == 1_700_000_000_007


async def test_many_partitions(kafka_access: KafkaAccess, topics: Topics) -> None:
    """Publishing to several partitions at once keeps the order within each."""
    topic = await topics("spread", partitions=4)
    async with Publisher(ProducerOptions(kafka=kafka_access)) as publisher:
        for start in (0, 100):
            await asyncio.gather(
                *(publisher.publish(topic, at, make_numbered(start, start + 100)) for at in range(4))
            )

    for partition in range(4):
        assert values(await read_all(kafka_access, topic, partition)) == list(range(200))


async def test_nothing(kafka_access: KafkaAccess, topics: Topics) -> None:
    """Publishing no records is no error and writes nothing."""
    topic = await topics("nothing")
    async with Publisher(ProducerOptions(kafka=kafka_access)) as publisher:
        await publisher.publish(topic, 0, [])
    async with PartitionReader(kafka_access, topic, offset=0) as reader:
        assert await reader.end_offset() == 0


async def test_too_large(kafka_access: KafkaAccess, topics: Topics) -> None:
    """A record that the broker will never take is RecordsRejected, and the next one is still published."""
    topic = await topics("large", config={"max.message.bytes": "1000"})
    huge = make_numbered(0, 1, padding=5_000)
    async with Publisher(ProducerOptions(kafka=kafka_access, compression=None)) as publisher:
        with pytest.raises(RecordsRejected):
            await publisher.publish(topic, 0, huge)
        await publisher.publish(topic, 0, make_numbered(1, 2))
    assert values(await read_all(kafka_access, topic)) == [1]


async def test_no_such_partition(kafka_access: KafkaAccess, topics: Topics) -> None:
    """A partition that does not exist is KafkaMisconfigured, not waited for."""
    topic = await topics("narrow")
    async with Publisher(ProducerOptions(kafka=kafka_access)) as publisher:
        with pytest.raises(KafkaMisconfigured, match="no partition 5"):
            await publisher.publish(topic, 5, make_numbered(0, 1))


async def test_no_broker() -> None:
    """Without a broker, publishing is Unavailable within its time, and stopping does not hang."""
    (port,) = free_ports(1)
    async with Publisher(
        ProducerOptions(kafka=KafkaAccess(bootstrap=f"127.0.0.1:{port}"), timeout_s=1)
    ) as publisher:
        with pytest.raises(Unavailable):
            await publisher.publish("any", 0, make_numbered(0, 1))
