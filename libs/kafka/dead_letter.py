"""Where a record goes that nobody could understand: kept as it came, with the reason beside it."""

from __future__ import annotations

from libs.kafka.publisher import Publisher
from libs.wire.record import Received, Record
from libs.wire.topics import DEAD_LETTER

REASON = "keyfold_dead_reason"
ORIGIN_TOPIC = "keyfold_dead_topic"
ORIGIN_PARTITION = "keyfold_dead_partition"
ORIGIN_OFFSET = "keyfold_dead_offset"


async def bury(
    publisher: Publisher, received: Received, *, reason: str, topic: str = DEAD_LETTER.name
) -> None:
    """Publish the record to the dead-letter topic. Raises what `Publisher.publish` raises.

    `reason` must not quote the record: whoever reads headers need not be allowed to read values.
    """
    await publisher.publish(topic, 0, [dead_letter(received, reason=reason)])


def dead_letter(received: Received, *, reason: str) -> Record:
    """Return the record unchanged but for further headers: its reason and its origin."""
    origin = (
        (REASON, reason.encode()),
        (ORIGIN_TOPIC, received.topic.encode()),
        (ORIGIN_PARTITION, str(received.partition).encode()),
        (ORIGIN_OFFSET, str(received.offset).encode()),
    )
    return Record(
        key=received.key,
        value=received.value,
        headers=received.headers + origin,
        timestamp_ms=received.timestamp_ms,
    )
