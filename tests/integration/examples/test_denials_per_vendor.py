"""The counting subscriber, run as its reader would run it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from msgspec.structs import replace

from keyfold.domain.access.decision import Reason
from keyfold.domain.ids import VendorId
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.record import Record
from tests.support.access_events import access_event, record_of
from tests.support.bed import Topics
from tests.support.examples.running import POISON, publish, run
from tests.support.kafka.records import delete_before

NAME = "denials_per_vendor.py"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def decided(number: int, *, after_s: int, vendor: str | None, reason: Reason | None) -> Record:
    """Return the record of one decision."""
    vendor_id = None if vendor is None else VendorId(vendor)
    at = NOON + timedelta(seconds=after_s)
    return record_of(access_event(number, at=at, vendor_id=vendor_id, reason=reason))


def denied(number: int, *, after_s: int = 0) -> Record:
    """Return the record of a denial of vendor `ven_a`."""
    return decided(number, after_s=after_s, vendor="ven_a", reason=Reason.READ_ONLY)


def counted(printed: str) -> list[tuple[str, str, str, int]]:
    """Return the rows that were printed."""
    rows = [orjson.loads(line) for line in printed.splitlines()]
    return [(row["minute"], row["vendor"], row["reason"], row["denials"]) for row in rows]


async def test_counts(kafka_access: KafkaAccess, topics: Topics) -> None:
    """Denials are counted once each by minute, vendor and reason, whatever else the topic holds."""
    topic = await topics("access", partitions=2)
    allowed = decided(2, after_s=6, vendor="ven_a", reason=None)
    another = replace(denied(7), headers=(("ce_type", b"keyfold.access.explained"),))
    damaged = replace(denied(8), value=b'{"event_id": "01')
    first = [denied(1, after_s=5), allowed, POISON, another, damaged, denied(5, after_s=59)]
    again = [denied(1, after_s=5), allowed, denied(5, after_s=59)]  # as after a shipper's crash
    unproven = decided(3, after_s=0, vendor=None, reason=Reason.UNKNOWN_VENDOR_KEY)
    flood = record_of(access_event(9, at=NOON, vendor_id=None, reason=Reason.MALFORMED_KEY, requests=1204))
    old = orjson.loads(denied(4, after_s=-1).value or b"")
    del old["requests"]
    before_floods = replace(denied(4, after_s=-1), value=orjson.dumps(old))
    await publish(
        kafka_access,
        topic,
        {0: [*first, *again, denied(6, after_s=60)], 1: [unproven, before_floods, flood]},
    )

    printed, complained = await run(NAME, kafka_access, topic)

    assert complained == ""
    assert counted(printed) == [
        ("2026-01-31T11:59", "ven_a", "read_only", 1),
        ("2026-01-31T12:00", "unknown", "malformed_key", 1204),
        ("2026-01-31T12:00", "unknown", "unknown_vendor_key", 1),
        ("2026-01-31T12:00", "ven_a", "read_only", 2),
        ("2026-01-31T12:01", "ven_a", "read_only", 1),
    ]


async def test_going_on(kafka_access: KafkaAccess, topics: Topics, tmp_path: Path) -> None:
    """With a file it counts on where it stopped, a repeat of what came before the stop included."""
    topic, file = await topics("access", partitions=2), tmp_path / "counts"
    await publish(kafka_access, topic, {0: [denied(1), denied(2)], 1: [denied(3)]})
    await run(NAME, kafka_access, topic, file)
    await publish(kafka_access, topic, {0: [denied(1), denied(2), denied(4)]})

    for _ in range(2):  # the second time there is nothing to add
        printed, _ = await run(NAME, kafka_access, topic, file)
        assert counted(printed) == [("2026-01-31T12:00", "ven_a", "read_only", 4)]


async def test_retention(kafka_access: KafkaAccess, topics: Topics, tmp_path: Path) -> None:
    """What retention took before it was read is named, and the rest is counted."""
    topic, file = await topics("access"), tmp_path / "counts"
    await publish(kafka_access, topic, {0: [denied(1)]})
    await run(NAME, kafka_access, topic, file)
    await publish(kafka_access, topic, {0: [denied(2), denied(3), denied(4)]})
    await delete_before(kafka_access, topic, 3)

    printed, complained = await run(NAME, kafka_access, topic, file)

    assert "offsets 1 to 2" in complained
    assert counted(printed) == [("2026-01-31T12:00", "ven_a", "read_only", 2)]


async def test_empty(kafka_access: KafkaAccess, topics: Topics) -> None:
    """A topic that holds nothing yet has no denials, and the example comes to its end."""
    assert await run(NAME, kafka_access, await topics("empty", partitions=2)) == ("", "")
