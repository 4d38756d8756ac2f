"""The landing subscriber, killed again and again, between its files and in the midst of one."""

from __future__ import annotations

import ast
import re
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import chain
from pathlib import Path

import duckdb
from msgspec.structs import replace

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import VendorId
from keyfold.domain.permissions import Access, Category
from keyfold.runtime.clock import SystemClock
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.record import Record
from tests.support.access_events import access_event, record_of
from tests.support.bed import Topics
from tests.support.eventually import eventually
from tests.support.examples.running import POISON, publish, run, start_example
from tests.support.kafka.records import delete_before

NAME = "land_parquet.py"
PAGE = Path(__file__).parents[3] / "docs" / "subscribing.md"
MISSING = PAGE.read_text(encoding="utf-8").split("```sql\n")[1].split("```")[0]
NOW = SystemClock().now()
VENDORS = (VendorId("ven_a"), VendorId("ven_b"), None)
CATEGORIES = (Category.PATIENT, Category.FILES, Category.PATIENT, Category.CLINICAL, Category.PATIENT)
PARTITIONS = 3
EVENTS = 4_500
KILLS = 4


def decided(number: int) -> AccessEvent:
    """Return one of many decisions of the last day, each vendor's and category's now and then."""
    return access_event(
        number,
        at=NOW - timedelta(seconds=number),
        vendor_id=VENDORS[number % 3],
        category=CATEGORIES[number % 5],
        access=Access.WRITE if number % 7 == 0 else Access.READ,
        reason=Reason.STALE if number % 11 == 0 else None,
    )


def read(number: int, category: Category = Category.FILES, *, days_ago: int = 0) -> Record:
    """Return the record of a request of vendor `ven_a` to read."""
    at = NOW - timedelta(days=days_ago, seconds=60)
    return record_of(access_event(number, at=at, vendor_id=VendorId("ven_a"), category=category))


def most_read(events: Sequence[AccessEvent]) -> set[tuple[str | None, str, int]]:
    """Return what the example is to answer, counted another way."""
    reads = Counter(
        (event.vendor_id, event.category)
        for event in events
        if event.category is not None and event.access is Access.READ and event.reason is None
    )
    best: dict[str | None, tuple[int, str]] = {}
    for (vendor, category), requests in reads.items():
        best[vendor] = max(best.get(vendor, (0, "")), (requests, category))
    return {(vendor, category, requests) for vendor, (requests, category) in best.items()}


def answered(printed: str) -> set[tuple[str | None, str, int]]:
    """Return the rows that were printed."""
    return {ast.literal_eval(line) for line in printed.splitlines()}


def landed(directory: Path) -> list[int]:
    """Return the numbers of the events that the files hold, each as often as it is there."""
    rows = duckdb.execute("select seq from read_parquet(?) order by seq", [f"{directory}/*.parquet"])
    return [seq for (seq,) in rows.fetchall()]


def files(directory: Path) -> list[tuple[int, int, int]]:
    """Return partition, first and following offset of each file, in their order."""
    names = (re.fullmatch(r"(\d+)-(\d{20})-(\d{20})\.parquet", path.name) for path in directory.iterdir())
    return sorted((int(name[1]), int(name[2]), int(name[3])) for name in names if name)


def holes(directory: Path) -> list[tuple[int, int, int]]:
    """Return the files that do not begin where the one before them ended."""
    ends, found = Counter[int](), []
    for partition, first, following in files(directory):
        if first != ends[partition]:
            found.append((partition, first, following))
        ends[partition] = following
    return found


async def killed(process: Process, directory: Path, *, after_files: int, while_landing: bool) -> None:
    """Kill a run once so many files are there, in the midst of the next one or not."""

    async def is_time() -> bool:
        there = len(files(directory)) - after_files
        # A quick machine may have landed each file between two looks, and must not come to the end.
        return there >= 0 and (not while_landing or there > 1 or (directory / "events.landing").exists())

    await eventually(is_time)
    process.kill()
    assert await process.wait() == -9, "it ended before it could be killed"
    await process.communicate()


async def test_kills(kafka_access: KafkaAccess, topics: Topics, tmp_path: Path) -> None:
    """However often it is killed, each record is in one file, and the answer counts each event once."""
    topic = await topics("access", partitions=PARTITIONS)
    events = [decided(number) for number in range(1, EVENTS + 1)]
    shipped = {part: events[part::PARTITIONS] for part in range(PARTITIONS)}
    repeated = {part: each[-200:] for part, each in shipped.items()}
    for portion in (shipped, repeated):
        records = {part: [record_of(event) for event in each] for part, each in portion.items()}
        await publish(kafka_access, topic, records)
    arguments = (kafka_access, tmp_path, topic, "100")

    for kill in range(KILLS):
        process = await start_example(NAME, *arguments)
        there = len(files(tmp_path))
        await killed(process, tmp_path, after_files=there + 3, while_landing=kill % 2 == 0)
    printed, complained = await run(NAME, *arguments)

    assert complained == ""
    assert landed(tmp_path) == sorted(event.seq for event in chain(events, *repeated.values()))
    assert holes(tmp_path) == []
    assert answered(printed) == most_read(events)


async def test_going_on(kafka_access: KafkaAccess, topics: Topics, tmp_path: Path) -> None:
    """Run again, it lands what is new in a file of its own, and nothing of what is there."""
    topic = await topics("access")

    for number in (1, 2, 3):
        await publish(kafka_access, topic, {0: [read(number)]})
        await run(NAME, kafka_access, tmp_path, topic)

    assert files(tmp_path) == [(0, 0, 1), (0, 1, 2), (0, 2, 3)]
    assert landed(tmp_path) == [1, 2, 3]


async def test_last_day(kafka_access: KafkaAccess, topics: Topics, tmp_path: Path) -> None:
    """The answer is of the last day, whatever arrived days late, and of our events alone."""
    topic = await topics("access")
    late = [read(number, Category.SYSTEM, days_ago=2) for number in (1, 2, 7)]
    damaged = replace(read(3), value=b'{"event_id": "01')
    another = replace(read(6), headers=(("ce_type", b"keyfold.access.explained"),))
    await publish(kafka_access, topic, {0: [*late, read(4), POISON, damaged, another, read(4), read(5)]})

    printed, _ = await run(NAME, kafka_access, tmp_path, topic)

    assert answered(printed) == {("ven_a", "files", 2)}
    assert landed(tmp_path) == [1, 2, 4, 4, 5, 7]


async def test_retention(kafka_access: KafkaAccess, topics: Topics, tmp_path: Path) -> None:
    """What retention took before it was landed is named, the rest is landed, and the numbers show the gap."""
    topic = await topics("access")
    await publish(kafka_access, topic, {0: [read(1)]})
    await run(NAME, kafka_access, tmp_path, topic)
    await publish(kafka_access, topic, {0: [read(2), read(3), read(4)]})
    await delete_before(kafka_access, topic, 3)

    _, complained = await run(NAME, kafka_access, tmp_path, topic)

    assert "offsets 1 to 2" in complained
    assert landed(tmp_path) == [1, 4]
    assert holes(tmp_path) == [(0, 3, 4)]
    assert duckdb.execute(MISSING.replace("DIRECTORY", str(tmp_path))).fetchall() == [
        ("gatekeeper-1", 1, 4, 2)
    ]


async def test_empty(kafka_access: KafkaAccess, topics: Topics, tmp_path: Path) -> None:
    """Of a topic that holds nothing yet nothing is landed, and there is no answer."""
    topic = await topics("empty", partitions=2)

    assert await run(NAME, kafka_access, tmp_path, topic) == ("", "")
