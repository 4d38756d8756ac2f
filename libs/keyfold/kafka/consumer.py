"""The driver's consumer, set up to decide nothing itself: no group, no commits, no resets, no parsing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from keyfold.kafka.access import client_options, open_client
from keyfold.kafka.bounded import run_bounded
from keyfold.kafka.errors import KafkaMisconfigured, translate_decode_errors, translate_read_errors
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.record import Received

START_TIMEOUT_S = 15.0
TOPIC_LOOKS_MAX, TOPIC_LOOK_INTERVAL_S = 20, 0.1
STOP_TIMEOUT_S = 2.0
OFFSETS_TIMEOUT_S = 5.0
# A fetch ends by itself within its time-out. One that is this much later is stuck.
FETCH_GRACE_S = 5.0


def make(kafka: KafkaAccess, client_id: str) -> AIOKafkaConsumer:
    """Return a consumer that is not started. Raises Unavailable."""
    return AIOKafkaConsumer(
        **client_options(kafka),
        client_id=client_id,
        group_id=None,
        enable_auto_commit=False,  # offsets live in PostgreSQL, beside the data they belong to
        auto_offset_reset="none",  # a deleted offset is an alarm, never a silent jump
        # Keyfold writes no transactions. A stranger's that is left open would hold up every reader of
        # committed records only, and its records would not even count as lag.
        isolation_level="read_uncommitted",
        max_poll_records=None,
        max_partition_fetch_bytes=4 * 1024 * 1024,
        fetch_max_wait_ms=1000,
        retry_backoff_ms=100,
    )


async def start(consumer: AIOKafkaConsumer, kafka: KafkaAccess, topic: str) -> None:
    """Start a consumer and find its topic. Raises Unavailable or KafkaMisconfigured, and stops it then."""
    try:
        with translate_read_errors():
            await run_bounded(open_client(consumer, kafka), START_TIMEOUT_S)
            await _find(consumer, topic)
    except BaseException:
        await stop(consumer)
        raise


def assign(consumer: AIOKafkaConsumer, topic: str, next_offsets: Mapping[int, int]) -> None:
    """Give a consumer its partitions, once: fetches under way would mix with those of a second assignment."""
    offsets = {TopicPartition(topic, number): offset for number, offset in next_offsets.items()}
    consumer.assign(list(offsets))
    for at, offset in offsets.items():
        consumer.seek(at, offset)


async def _find(consumer: AIOKafkaConsumer, topic: str) -> None:
    # A broker may learn of a new topic a moment later; but for a missing one the driver would wait forever.
    for _ in range(TOPIC_LOOKS_MAX):
        if topic in await run_bounded(consumer.topics(), START_TIMEOUT_S):
            return
        await asyncio.sleep(TOPIC_LOOK_INTERVAL_S)
    raise KafkaMisconfigured(f"there is no topic {topic} that this user may see: keyfold topics make")


async def stop(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer within a few seconds, whatever state it is in."""
    # stop() fails if it cancels a fetch at the wrong moment, and then leaves connections open.
    client = consumer._client  # noqa: SLF001 - nothing public closes what stop() has left
    for end in (consumer.stop, client.close):
        # The consumer is being discarded: no failure of it matters any more.
        with contextlib.suppress(Exception):
            await run_bounded(end(), STOP_TIMEOUT_S)


async def fetch(
    consumer: AIOKafkaConsumer, *, records_max: int, timeout_s: float
) -> dict[int, list[Received]]:
    """Return what has arrived, by partition; empty if nothing came in time.

    Raises Unavailable, RecordsUnreadable or RecordsGone. If it raises anything, also a cancellation, the
    consumer may have passed over records: discard it.
    """
    with translate_read_errors(), translate_decode_errors():
        fetch = consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=records_max)
        fetched = await run_bounded(fetch, timeout_s + FETCH_GRACE_S)
    return {at.partition: [_to_received(record) for record in records] for at, records in fetched.items()}


async def positions(consumer: AIOKafkaConsumer, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    """Return the offset from which each partition is read on, after what `fetch` has returned."""
    # Not that of the last record plus one: a transaction's markers are no records, but each has an offset.
    return {each: await consumer.position(TopicPartition(topic, each)) for each in partitions}


async def end_offsets(consumer: AIOKafkaConsumer, topic: str, partitions: frozenset[int]) -> dict[int, int]:
    """Return the offset that each partition's next record will get. Raises Unavailable."""
    with translate_read_errors():
        ends = await run_bounded(
            consumer.end_offsets(_topic_partitions(topic, partitions)), OFFSETS_TIMEOUT_S
        )
    return {at.partition: offset for at, offset in ends.items()}


async def first_offsets(consumer: AIOKafkaConsumer, topic: str, partitions: frozenset[int]) -> dict[int, int]:
    """Return the offset of each partition's oldest record. Raises Unavailable."""
    with translate_read_errors():
        firsts = await run_bounded(
            consumer.beginning_offsets(_topic_partitions(topic, partitions)), OFFSETS_TIMEOUT_S
        )
    return {at.partition: offset for at, offset in firsts.items()}


def _topic_partitions(topic: str, partitions: frozenset[int]) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in partitions]


def _to_received(record: ConsumerRecord) -> Received:
    headers = tuple(record.headers)
    # A header may have no value at all, which none of ours has: it is as good as an empty one.
    for _, value in headers:
        if value is None:
            headers = tuple((name, each or b"") for name, each in headers)
            break
    # Every record passes here: arguments by position are twice as fast as by name.
    return Received(
        record.topic,
        record.partition,
        record.offset,
        record.key,
        record.value,
        headers,
        record.timestamp,
    )
