"""The example subscriber, run as its reader would run it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import orjson
import pytest

from libs.domain.access_event import AccessEvent
from libs.domain.decision import Reason
from libs.domain.ids import EventId, KeyId, VendorId
from libs.kafka.connection import ProducerOptions
from libs.kafka.publisher import Publisher
from libs.wire.access_codec import access_record, encode_access_event
from libs.wire.record import Record
from tests.bed import Topics

SCRIPT = Path(__file__).parents[3] / "docs" / "examples" / "denials_per_vendor.py"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
POISON = Record(key=None, value=b"\xff not ours", headers=(), timestamp_ms=0)


@pytest.fixture
def numbers() -> Iterator[int]:
    """Give each event a number of its own."""
    return count(1)


def decided(number: int, *, after_s: int, vendor: str | None, reason: Reason | None) -> Record:
    """Return the record of one decision."""
    event = AccessEvent(
        event_id=EventId(f"0198c000-0000-7000-8000-{number:012d}"),
        at=NOON + timedelta(seconds=after_s),
        account_id=None,
        key_id=KeyId(f"key_{number % 3}"),
        vendor_id=None if vendor is None else VendorId(vendor),
        vendor_key_id=None,
        category=None,
        access=None,
        method="GET",
        path="/v1/patient",
        reason=reason,
        position=1,
        gateway="test",
        client_ip=None,
        gatekeeper="gatekeeper-1",
        seq=number,
        traceparent=None,
    )
    return access_record(encode_access_event(event))


async def run(*arguments: str) -> list[dict[str, object]]:
    """Run the example to its end and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), *arguments, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return [orjson.loads(line) for line in printed.splitlines()]


async def test_counts(kafka_bootstrap: str, topics: Topics, numbers: Iterator[int]) -> None:
    """Denials are counted once each by minute, vendor and reason, whatever else the topic holds."""
    topic = await topics("access", partitions=2)
    denied = decided(next(numbers), after_s=5, vendor="ven_a", reason=Reason.READ_ONLY)
    first = [
        denied,
        decided(next(numbers), after_s=6, vendor="ven_a", reason=None),
        POISON,
        decided(next(numbers), after_s=59, vendor="ven_a", reason=Reason.READ_ONLY),
    ]
    second = [
        denied,  # shipped twice, as after a crash
        decided(next(numbers), after_s=60, vendor="ven_a", reason=Reason.READ_ONLY),
        decided(next(numbers), after_s=0, vendor=None, reason=Reason.UNKNOWN_VENDOR_KEY),
    ]
    async with Publisher(ProducerOptions(bootstrap=kafka_bootstrap)) as publisher:
        await publisher.publish(topic, 0, first)
        await publisher.publish(topic, 1, second)

    assert await run(kafka_bootstrap, topic) == [
        {"minute": "2026-01-31T12:00", "vendor": "unknown", "reason": "unknown_vendor_key", "denials": 1},
        {"minute": "2026-01-31T12:00", "vendor": "ven_a", "reason": "read_only", "denials": 2},
        {"minute": "2026-01-31T12:01", "vendor": "ven_a", "reason": "read_only", "denials": 1},
    ]


async def test_empty(kafka_bootstrap: str, topics: Topics) -> None:
    """A topic that holds nothing yet has no denials, and the example comes to its end."""
    assert await run(kafka_bootstrap, await topics("empty", partitions=2)) == []
