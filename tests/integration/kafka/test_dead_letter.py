"""Dead letters on a real broker."""

from __future__ import annotations

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.dead_letters.record import dead_letter
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.topics import ensure_topics
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.record import Received
from keyfold.wire.topics import ACCESS, ALL, DEAD_LETTER, LIFECYCLE
from tests.support.bed import Topics
from tests.support.kafka.records import read_all


async def test_dead_letter(kafka_access: KafkaAccess, topics: Topics) -> None:
    """A dead letter is the record as it came, with its reason and origin in additional headers."""
    topic = await topics("dead")
    poison = Received(
        topic="origin",
        partition=3,
        offset=41,
        key=b"\xff",
        value=b"{not json",
        headers=(("ce_id", b"7"), ("ce_id", b"8")),
        timestamp_ms=1_700_000_000_000,
    )
    tombstone = Received(
        topic="origin", partition=0, offset=0, key=b"k", value=None, headers=(), timestamp_ms=1
    )
    async with Publisher(ProducerOptions(kafka=kafka_access)) as publisher:
        letters = [dead_letter(poison, reason="not JSON"), dead_letter(tombstone, reason="empty")]
        await publisher.publish(topic, 0, letters)

    first, second = await read_all(kafka_access, topic)
    assert (first.key, first.value, first.timestamp_ms) == (b"\xff", b"{not json", 1_700_000_000_000)
    assert first.headers == (
        ("ce_id", b"7"),
        ("ce_id", b"8"),
        ("keyfold_dead_reason", b"not JSON"),
        ("keyfold_dead_topic", b"origin"),
        ("keyfold_dead_partition", b"3"),
        ("keyfold_dead_offset", b"41"),
    )
    assert second.value is None


async def test_ensure_topics(kafka_access: KafkaAccess) -> None:
    """Missing topics are made as specified; a second call makes nothing."""
    await ensure_topics(kafka_access, ALL)
    assert await ensure_topics(kafka_access, ALL) == frozenset()
    async with Publisher(ProducerOptions(kafka=kafka_access)) as publisher:
        await publisher.publish(ACCESS.name, ACCESS.partitions - 1, [])
    assert LIFECYCLE.partitions == DEAD_LETTER.partitions == 1
