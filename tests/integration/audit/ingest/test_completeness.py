"""The filed numbers of gatekeepers' runs always match the rows, whatever happens while filing."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keyfold.audit.ingest.maintenance import drop_old
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import EventId, KeyId
from keyfold.store.access_log.completeness.filed_numbers import BLOCK_NUMBERS, Stretch, find_stretches
from keyfold.store.access_log.completeness.numbers import NumberRange, RunHour, read_run_hours
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import Pool, open_pool
from keyfold.store.postgres.errors import OffsetsMoved
from tests.support.access_events import EPOCH, access_event
from tests.support.audit.accounts import report_of, truth_of
from tests.support.audit.filing import (
    OVER_ONE_LOG,
    TOPIC,
    are_waiting,
    copy,
    deaths,
    kill_filing,
    make_early_partition,
    migrate_to_before,
    migrate_while_filing,
    step,
)
from tests.support.eventually import eventually
from tests.support.runtime.tokens import SetClock
from tests.support.store.logins import login_of

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
NUMBERS_MIGRATION: Final = "20261123_09_filed-numbers"
EMPTIED: Final = "truncate access_log.events, access_log.filed_numbers, access_log.offsets"

TABLE: Final = "access_log.filed_numbers"


class Drawn(NamedTuple):
    """One of many events: runs, blocks and hours meet, a number may come again and a clock be set back."""

    run: int
    number: int
    again: int
    hours_late: int

    def event(self) -> AccessEvent:
        """Return the event, always the same for the same."""
        at = EPOCH + (self.number // 9 % 4 - self.hours_late) * HOUR
        identity = ((self.run * 10 + self.again) * 10 + self.hours_late) * 1_000_000 + self.number
        made = access_event(self.number, at=at, gatekeeper=f"run-{self.run}", key_id=KeyId(f"key_{self.run}"))
        return replace(made, event_id=EventId(str(UUID(int=identity))))


NUMBERS: Final = (*range(13), *range(BLOCK_NUMBERS - 5, BLOCK_NUMBERS + 5), BLOCK_NUMBERS * 5)
EVENTS: Final = st.builds(
    Drawn,
    st.integers(0, 1),
    st.sampled_from(NUMBERS),
    st.sampled_from([0, 0, 0, 0, 1]),
    st.sampled_from([0, 0, 0, 0, 1, 2]),
).map(Drawn.event)
# What two consumers, each of a partition of its own, file at once, and what becomes of it.
STEPS: Final = st.lists(
    st.tuples(
        st.lists(EVENTS, max_size=25),
        st.lists(EVENTS, max_size=25),
        st.sampled_from(["is filed", "is filed", "is fenced", *deaths(TABLE)]),
    ),
    min_size=1,
    max_size=6,
)


@given(steps=STEPS)
@settings(OVER_ONE_LOG, max_examples=60)
async def test_numbers_are_those_of_the_rows(
    access_log: AccessLog, pool: Pool, steps: Sequence[tuple[list[AccessEvent], list[AccessEvent], str]]
) -> None:
    """After any batches of two consumers, with repeats, gaps and crashes, the numbers match the rows."""
    await pool.execute(EMPTIED)
    offsets, came = [1, 1], 0
    await access_log.file([], [step(0), step(0, partition=1)])
    for one, other, fate in steps:
        if fate == "is fenced":
            with pytest.raises(OffsetsMoved):
                await access_log.file(one, [step(offsets[0] - 1)])
            continue
        done = await _filed_at_once(pool, (one, other), offsets, fate)
        offsets = [offset + is_done for offset, is_done in zip(offsets, done, strict=True)]
        came += sum(len(batch) for batch, is_done in zip((one, other), done, strict=True) if is_done)
    found = await report_of(pool)
    assert [dataclasses.replace(each, duplicates=0) for each in found] == await truth_of(pool)
    assert came == sum(each.filed + each.duplicates for each in found)


async def _filed_at_once(
    pool: Pool, batches: Sequence[Sequence[AccessEvent]], offsets: Sequence[int], fate: str
) -> Sequence[bool]:
    """Tell of each batch whether it is filed, or the death was met."""
    async with kill_filing(pool, TABLE, fate):
        filings = (
            AccessLog(pool, TOPIC).file(batch, [step(offset, partition=partition)])
            for partition, (batch, offset) in enumerate(zip(batches, offsets, strict=True))
        )
        outcomes = await asyncio.gather(*filings, return_exceptions=True)
    assert {type(each) for each in outcomes if isinstance(each, BaseException)} <= {asyncpg.RaiseError}
    return [not isinstance(each, BaseException) for each in outcomes]


async def test_each_missing_number_is_told_once(access_log: AccessLog, pool: Pool) -> None:
    """A gap is reported in the hour of the number after it, also across blocks; the first number is 1."""
    numbers = [3, 4, 7, BLOCK_NUMBERS * 3]
    later = access_event(BLOCK_NUMBERS * 3 + 2, at=EPOCH + HOUR)
    await access_log.file([*map(access_event, numbers), later], [step(0)])
    newest, oldest = await report_of(pool)
    assert (oldest.first, oldest.last, oldest.filed, oldest.expected) == (3, 6144, 4, 6144)
    assert oldest.missing == 6140
    assert oldest.missing_ranges == [_range(1, 2), _range(5, 6), _range(8, 6143)]
    assert oldest.is_followed
    assert (newest.missing, newest.missing_ranges) == (1, [_range(6145, 6145)])
    assert not newest.is_followed


def _range(first: int, last: int) -> NumberRange:
    return NumberRange(first=first, last=last)


async def test_what_comes_late_is_missing_no_more(access_log: AccessLog, pool: Pool) -> None:
    """A gap closes when its events are filed, in any order."""
    for place, numbers in enumerate(([5, 6], [1], [9], [2, 4], [8, 3], [7])):
        await access_log.file([access_event(number) for number in numbers], [step(place)])
    assert [(each.filed, each.missing) for each in await report_of(pool)] == [(9, 0)]
    assert await pool.fetchval("select numbers::text from access_log.filed_numbers") == "{[1,10)}"


async def test_a_number_that_came_twice_is_extra(access_log: AccessLog, pool: Pool) -> None:
    """Two events with one number are reported, in one batch or two; the same event again is a duplicate."""
    first = [access_event(number) for number in range(1, 8)]
    impostors = [_other(first[1]), _other(first[2]), _other(first[5])]
    await access_log.file([*first, impostors[0]], [step(0)])
    await access_log.file([*impostors, first[0]], [step(1)])
    [hour] = await report_of(pool)
    assert (hour.filed, hour.expected, hour.missing, hour.duplicates) == (10, 7, 0, 2)
    assert (hour.extra, hour.extra_ranges) == (3, [_range(2, 3), _range(6, 6)])


async def test_other_content_under_the_same_id(access_log: AccessLog, pool: Pool) -> None:
    """What came first stays, and its number is reported, in one batch or two; true repeats are not."""
    first = [access_event(number) for number in range(1, 8)]
    forged = [replace(each, path="/forged") for each in first]
    await access_log.file([*first, forged[1]], [step(0)])
    await access_log.file([*first[:4], forged[4], replace(forged[6], gatekeeper="another")], [step(1)])
    [hour] = await report_of(pool)
    assert (hour.filed, hour.extra, [each.first for each in hour.extra_ranges]) == (7, 0, [2, 5, 7])


def _other(event: AccessEvent) -> AccessEvent:
    return replace(event, event_id=EventId(str(UUID(int=event.seq + 1000))))


async def test_a_clock_that_is_set_back_leaves_no_gap(access_log: AccessLog, pool: Pool) -> None:
    """Numbers whose times go back and forth across the hour are all counted as filed."""
    events = [
        access_event(number, at=EPOCH + (number % 2) * HOUR - timedelta(microseconds=1))
        for number in range(1, 40)
    ]
    await access_log.file(events, [step(0)])
    assert [(each.filed, each.missing, each.extra) for each in await report_of(pool)] == [
        (20, 0, 0),
        (19, 0, 0),
    ]


async def test_pages_are_the_whole(access_log: AccessLog, pool: Pool) -> None:
    """Pages of one item make up the whole answer, and bounds include every hour that they touch."""
    events = [
        access_event(number, at=EPOCH + number % 3 * HOUR, gatekeeper=f"run-{number % 2}")
        for number in range(12)
    ]
    await access_log.file(events, [step(0)])
    whole, pages = await report_of(pool), list[RunHour]()
    while found := await _page(pool, pages):
        pages += found
    assert pages == whole
    bounds = {"since": EPOCH + HOUR * 1.5, "until": EPOCH + HOUR * 2}
    some = await read_run_hours(pool, **bounds, before=None, ranges_max=9, rows_max=9)
    assert some == [each for each in whole if each.hour == EPOCH + HOUR]


async def _page(pool: Pool, before: Sequence[RunHour]) -> Sequence[RunHour]:
    return await read_run_hours(
        pool,
        since=EPOCH - DAY,
        until=EPOCH + DAY,
        before=(before[-1].hour, before[-1].gatekeeper) if before else None,
        ranges_max=1000,
        rows_max=1,
    )


async def test_the_highest_number_is_no_trouble(access_log: AccessLog, pool: Pool) -> None:
    """The highest number that an event may have is filed, and the gap below it is counted."""
    highest = 2**63 - 2
    await access_log.file([access_event(1), replace(access_event(2), seq=highest)], [step(0)])
    [hour] = await report_of(pool)
    assert (hour.last, hour.missing_ranges) == (highest, [_range(2, highest - 1)])


async def test_ranges_are_bounded(access_log: AccessLog, pool: Pool) -> None:
    """However many gaps there are, the first ranges and the total of missing numbers are reported."""
    await access_log.file([access_event(number) for number in range(2, 2000, 2)], [step(0)])
    [hour] = await report_of(pool, ranges_max=3)
    assert (hour.missing, hour.missing_ranges) == (999, [_range(1, 1), _range(3, 3), _range(5, 5)])


async def test_two_consumers_note_the_same_runs(access_log: AccessLog, pool: Pool) -> None:
    """Consumers that file the same runs at once, in any order, never deadlock."""
    await access_log.file([_of_run(1, run, "key_0") for run in range(9)], [step(0)])
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("select from access_log.filed_numbers where gatekeeper = 'run-4' for update")
        upwards = [_of_run(2, run, "key_1") for run in range(9)]
        downwards = [_of_run(3, run, "key_2") for run in reversed(range(9))]
        filing = asyncio.gather(
            access_log.file(upwards, [step(1)]),
            AccessLog(pool, TOPIC).file(downwards, [step(0, partition=1)]),
        )
        await eventually(lambda: are_waiting(pool, 2, "filed_numbers"))
    await filing
    assert [dataclasses.replace(each, duplicates=0) for each in await report_of(pool)] == await truth_of(pool)


def _of_run(number: int, run: int, key: str) -> AccessEvent:
    made = access_event(number, gatekeeper=f"run-{run}", key_id=KeyId(key))
    return replace(made, event_id=EventId(str(UUID(int=run * 10 + number))))


async def test_what_is_too_old_is_not_missing(database: str, pool: Pool, partitions: Partitions) -> None:
    """Numbers leave with their day, of a run that goes on as of one that ended; what is left is judged on."""
    old, kept = EPOCH - 91 * DAY, EPOCH - 89 * DAY
    await partitions.make([old.date(), kept.date()])
    access_log = AccessLog(pool, TOPIC)
    gone = [access_event(number, at=old + number * HOUR) for number in range(1, 5)]
    await access_log.file([*gone, access_event(1, at=old, gatekeeper="ended")], [step(0)])
    await access_log.file([access_event(7, at=kept), access_event(9)], [step(1)])
    await drop_old(await login_of(database, "audit"), SetClock(at=EPOCH))
    found = await report_of(pool)
    assert [(each.hour, each.missing_ranges) for each in found] == [
        (EPOCH, [_range(8, 8)]),
        (kept, [_range(5, 6)]),
    ]
    assert await _remembered(pool) == {"gatekeeper-1", "ended"}
    await drop_old(database, SetClock(at=EPOCH + 95 * DAY))
    assert (await report_of(pool), await _remembered(pool)) == ([], {"gatekeeper-1"})


async def _remembered(pool: Pool) -> set[str]:
    return {
        row["gatekeeper"] for row in await pool.fetch("select gatekeeper from access_log.forgotten_numbers")
    }


async def test_a_migration_notes_what_is_there(empty_database: str, tmp_path: Path) -> None:
    """A migration notes the rows that are there, also one filed meanwhile, and nothing before them."""
    await migrate_to_before(empty_database, NUMBERS_MIGRATION, tmp_path)
    async with open_pool(empty_database, application_name="test") as pool:
        await make_early_partition(pool, EPOCH.date())
        rows = [access_event(number) for number in (11, 12, 14, 15, BLOCK_NUMBERS + 1)]
        await copy(pool, [*rows, _other(rows[1])])
        await migrate_while_filing(empty_database, pool, [access_event(17)])
        [hour] = await report_of(pool)
    assert hour.missing_ranges == [_range(13, 13), _range(16, 16), _range(18, BLOCK_NUMBERS)]
    assert (hour.filed, hour.extra_ranges) == (7, [_range(12, 12)])


def test_stretches_are_long_and_within_a_block() -> None:
    """Consecutive numbers are one stretch, up to a block's end; a repeated number is its own."""
    numbers = [3, 1, 2, BLOCK_NUMBERS, BLOCK_NUMBERS - 1, 2]
    hour = int(EPOCH.timestamp()) // 3600
    assert list(find_stretches(hour, (("run", number) for number in numbers))) == [
        Stretch("run", hour, 0, 2, 3, is_again=True),
        Stretch("run", hour, 0, 1, 4),
        Stretch("run", hour, 0, BLOCK_NUMBERS - 1, BLOCK_NUMBERS),
        Stretch("run", hour, 1, BLOCK_NUMBERS, BLOCK_NUMBERS + 1),
    ]
