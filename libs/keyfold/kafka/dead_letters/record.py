"""A dead letter: a record that nobody could understand, kept as it came, with the reason beside it."""

from __future__ import annotations

from keyfold.wire.record import Received, Record

REASON = "keyfold_dead_reason"
ORIGIN_TOPIC = "keyfold_dead_topic"
ORIGIN_PARTITION = "keyfold_dead_partition"
ORIGIN_OFFSET = "keyfold_dead_offset"


def dead_letter(received: Received, *, reason: str) -> Record:
    """Return the record unchanged except for additional headers, with the reason and its origin.

    `reason` must not quote the record: a reader of headers may not be allowed to read values.
    """
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
