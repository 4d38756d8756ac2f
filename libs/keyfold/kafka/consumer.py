"""The driver's consumer, set up to decide nothing by itself: no group, no commits, no resets, no parsing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from keyfold.kafka.bounded import bounded
from keyfold.kafka.errors import KafkaMisconfigured, reading
from keyfold.wire.record import Received

START_TIMEOUT_S = 15.0
TOPIC_LOOKS_MAX, TOPIC_LOOK_INTERVAL_S = 20, 0.1
STOP_TIMEOUT_S = 2.0
OFFSETS_TIMEOUT_S = 5.0
# A fetch ends by itself in the time that it was given. One that is late by so much is stuck.
FETCH_GRACE_S = 5.0


def make(bootstrap: str, client_id: str) -> AIOKafkaConsumer:
    """Build a consumer that is not started."""
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        client_id=client_id,
        group_id=None,
        enable_auto_commit=False,  # offsets live in PostgreSQL, beside what they stand for
        auto_offset_reset="none",  # an offset that is gone is an alarm, never a silent jump
        isolation_level="read_committed",
        max_poll_records=None,
        max_partition_fetch_bytes=4 * 1024 * 1024,
        fetch_max_wait_ms=1000,
        retry_backoff_ms=100,
    )


async def start(consumer: AIOKafkaConsumer, topic: str) -> None:
    """Start a consumer, or stop what was started of it and raise Unavailable or Misconfigured."""
    try:
        with reading():
            await bounded(consumer.start(), START_TIMEOUT_S)
            await _find(consumer, topic)
    except BaseException:
        await stop(consumer)
        raise


def assign(consumer: AIOKafkaConsumer, topic: str, next_offsets: Mapping[int, int]) -> None:
    """Give a consumer its partitions, once: what it has under way would mix with those of another time."""
    offsets = {TopicPartition(topic, number): offset for number, offset in next_offsets.items()}
    consumer.assign(list(offsets))
    for at, offset in offsets.items():
        consumer.seek(at, offset)


async def _find(consumer: AIOKafkaConsumer, topic: str) -> None:
    # A broker may hear of a topic some time after it was made; for one that nobody makes, the driver would
    # wait for ever.
    for _ in range(TOPIC_LOOKS_MAX):
        if topic in await bounded(consumer.topics(), START_TIMEOUT_S):
            return
        await asyncio.sleep(TOPIC_LOOK_INTERVAL_S)
    raise KafkaMisconfigured(f"there is no topic {topic}")


async def stop(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer within a few seconds, whatever state it is in."""
    # The consumer stumbles over a fetch that it cancels in the wrong moment, and leaves its connections open.
    client = consumer._client  # noqa: SLF001 - nothing public closes what stop() has left
    for end in (consumer.stop, client.close):
        # It is being thrown away: nothing that it could say matters any more.
        with contextlib.suppress(Exception):
            await bounded(end(), STOP_TIMEOUT_S)


async def fetch(
    consumer: AIOKafkaConsumer, *, records_max: int, timeout_s: float
) -> dict[int, list[Received]]:
    """Return what has arrived, by partition; empty when nothing did in time.

    After whatever it raises, also a cancellation, the consumer may have handed out records to nobody.
    """
    with reading():
        fetch = consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=records_max)
        fetched = await bounded(fetch, timeout_s + FETCH_GRACE_S)
    return {at.partition: [_received(record) for record in records] for at, records in fetched.items()}


async def end_offsets(consumer: AIOKafkaConsumer, topic: str, partitions: frozenset[int]) -> dict[int, int]:
    """Return the offset that each partition's next record will get. Raises Unavailable."""
    with reading():
        ends = await bounded(consumer.end_offsets(_places(topic, partitions)), OFFSETS_TIMEOUT_S)
    return {at.partition: offset for at, offset in ends.items()}


async def first_offsets(consumer: AIOKafkaConsumer, topic: str, partitions: frozenset[int]) -> dict[int, int]:
    """Return the offset of the oldest record that each partition still has. Raises Unavailable."""
    with reading():
        firsts = await bounded(consumer.beginning_offsets(_places(topic, partitions)), OFFSETS_TIMEOUT_S)
    return {at.partition: offset for at, offset in firsts.items()}


def _places(topic: str, partitions: frozenset[int]) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in partitions]


def _received(record: ConsumerRecord) -> Received:
    # Each record comes by here: by position, in the order of its fields, is twice as fast as by name.
    return Received(
        record.topic,
        record.partition,
        record.offset,
        record.key,
        record.value,
        tuple(record.headers),
        record.timestamp,
    )
