"""The driver's consumer, set up to decide nothing by itself: no commits, no resets, no parsing."""

from __future__ import annotations

import asyncio
import contextlib

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from libs.kafka.errors import Misconfigured, reading
from libs.wire.record import Received

START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 5.0
OFFSETS_TIMEOUT_S = 5.0


def make(bootstrap: str, client_id: str, group: str | None = None) -> AIOKafkaConsumer:
    """Build a consumer that is not started."""
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        client_id=client_id,
        group_id=group,
        enable_auto_commit=False,  # offsets live in PostgreSQL, beside what they stand for
        auto_offset_reset="none",  # an offset that is gone is an alarm, never a silent jump
        isolation_level="read_committed",
        max_poll_records=None,
        max_partition_fetch_bytes=4 * 1024 * 1024,
        fetch_max_wait_ms=250,
        session_timeout_ms=10_000,
        heartbeat_interval_ms=2_000,
        retry_backoff_ms=100,
    )


async def start(consumer: AIOKafkaConsumer, topic: str) -> None:
    """Start a consumer, or stop what was started of it and raise Unavailable or Misconfigured."""
    try:
        with reading():
            async with asyncio.timeout(START_TIMEOUT_S):
                await consumer.start()
                topics = await consumer.topics()
        if topic not in topics:  # the driver would wait for ever for what nobody will make
            raise Misconfigured(f"there is no topic {topic}")
    except BaseException:
        await stop(consumer)
        raise


async def stop(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer within a few seconds, whatever state it is in."""
    with contextlib.suppress(
        Exception
    ):  # it is being thrown away: nothing that it could say matters any more
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await consumer.stop()


async def fetch(
    consumer: AIOKafkaConsumer, *, records_max: int, timeout_s: float
) -> dict[int, list[Received]]:
    """Return what has arrived, by partition; empty when nothing did in time."""
    with reading():
        try:
            # The driver's own timeout does not bound its wait for a group to settle.
            async with asyncio.timeout(timeout_s + 1):
                fetched = await consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=records_max)
        except TimeoutError:
            return {}
    return {at.partition: [_received(record) for record in records] for at, records in fetched.items()}


async def end_offsets(consumer: AIOKafkaConsumer, topic: str, partitions: frozenset[int]) -> dict[int, int]:
    """Return the offset that each partition's next record will get. Raises Unavailable."""
    with reading():
        async with asyncio.timeout(OFFSETS_TIMEOUT_S):
            ends = await consumer.end_offsets([TopicPartition(topic, number) for number in partitions])
    return {at.partition: offset for at, offset in ends.items()}


async def first_offsets(consumer: AIOKafkaConsumer, topic: str, partitions: frozenset[int]) -> dict[int, int]:
    """Return the offset of the oldest record that each partition still has. Raises Unavailable."""
    with reading():
        async with asyncio.timeout(OFFSETS_TIMEOUT_S):
            firsts = await consumer.beginning_offsets(
                [TopicPartition(topic, number) for number in partitions]
            )
    return {at.partition: offset for at, offset in firsts.items()}


def _received(record: ConsumerRecord) -> Received:
    return Received(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
        timestamp_ms=record.timestamp,
    )
