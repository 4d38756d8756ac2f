"""A dead letter: a record that nobody could understand, kept as it came, with the reason beside it."""

from __future__ import annotations

from keyfold.wire.record import Headers, Received, Record

REASON = "keyfold_dead_reason"
ORIGIN_TOPIC = "keyfold_dead_topic"
ORIGIN_PARTITION = "keyfold_dead_partition"
ORIGIN_OFFSET = "keyfold_dead_offset"
LEFT_OUT = "keyfold_dead_value_bytes"

VALUE_BYTES_MAX = 512 * 1024
"""A longer value is left out: with our headers the broker might not take it, and that must stop nobody."""


def dead_letter(received: Received, *, reason: str) -> Record:
    """Return the record unchanged except for additional headers, with the reason and its origin.

    Of a value of more than `VALUE_BYTES_MAX` it says only how many bytes it had.
    `reason` must not quote the record: a reader of headers may not be allowed to read values.
    """
    origin: Headers = (
        (REASON, reason.encode()),
        (ORIGIN_TOPIC, received.topic.encode()),
        (ORIGIN_PARTITION, str(received.partition).encode()),
        (ORIGIN_OFFSET, str(received.offset).encode()),
    )
    value = received.value
    if value is not None and len(value) > VALUE_BYTES_MAX:
        origin = (*origin, (LEFT_OUT, str(len(value)).encode()))
        value = None
    return Record(
        key=received.key,
        value=value,
        headers=received.headers + origin,
        timestamp_ms=received.timestamp_ms,
    )
