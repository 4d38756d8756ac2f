"""Daily partitions, made and dropped while the log is in use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta

from keyfold.audit.ingest.maintenance import make_ahead
from keyfold.runtime.metrics import REGISTRY
from keyfold.store.access_log.partitions import Partitions, drop_before
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import Pool
from tests.support.access_events import EPOCH, access_event
from tests.support.audit.filing import step
from tests.support.audit.rows import newest, read_filed
from tests.support.runtime.tokens import SetClock

DAY = timedelta(days=1)
TODAY = EPOCH.date()
OLD = TODAY - 91 * DAY
HEADROOM = "keyfold_audit_partitions_ahead_days"


async def test_only_missing_days_are_made(partitions: Partitions) -> None:
    """Making partitions again makes what is missing and leaves the rest as it is."""
    assert await partitions.make([TODAY, TODAY + DAY]) == {TODAY + DAY}
    assert await partitions.days() == {TODAY, TODAY + DAY}


async def test_headroom_goes_down_while_none_are_made(partitions: Partitions) -> None:
    """The days ahead are counted from now, so they fall if making fails, and an alarm has days to act."""
    clock = SetClock(at=EPOCH)
    await make_ahead(partitions, clock)
    assert REGISTRY.get_sample_value(HEADROOM) == 7
    clock.at += 5 * DAY
    assert REGISTRY.get_sample_value(HEADROOM) == 2
    await make_ahead(partitions, clock)
    assert REGISTRY.get_sample_value(HEADROOM) == 7


async def test_several_may_make_partitions_at_once(partitions: Partitions, pool: Pool) -> None:
    """Two processes that make the same days at the same time make each once."""
    days = [TODAY + ahead * DAY for ahead in range(1, 8)]
    made = await asyncio.gather(partitions.make(days), Partitions(pool).make(days))
    assert sorted(len(each) for each in made) == [0, 7]


async def test_a_partition_holds_its_utc_day_whole(
    partitions: Partitions, access_log: AccessLog, pool: Pool
) -> None:
    """A day's first and last microsecond are in its partition."""
    midnight = EPOCH.replace(hour=0)
    ends = [access_event(1, at=midnight), access_event(2, at=midnight + DAY - timedelta(microseconds=1))]
    await access_log.file(ends, [step(0, 2)])
    assert await pool.fetchval("select count(*) from access_log.events_20260315") == 2


async def test_old_days_go_and_the_others_stay(database: str, partitions: Partitions) -> None:
    """Only partitions before the oldest day are dropped."""
    await partitions.make([OLD - DAY, OLD, OLD + DAY])
    assert await drop_before(database, OLD + DAY) == {OLD - DAY, OLD}
    assert await partitions.days() == {OLD + DAY, TODAY}
    assert await drop_before(database, OLD + DAY) == frozenset()


@asynccontextmanager
async def reading(pool: Pool, day: date) -> AsyncIterator[None]:
    """Hold a transaction open that has read one day of the log."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.fetch(
            "select * from access_log.events where at >= $1::date and at < $1::date + 1", day
        )
        yield


async def test_a_drop_waits_a_moment_for_a_reader(
    database: str, pool: Pool, partitions: Partitions, access_log: AccessLog
) -> None:
    """While a long reader holds up a drop, all else goes on, and a later call drops the day."""
    await partitions.make([OLD])
    async with reading(pool, TODAY):
        assert await drop_before(database, TODAY) == frozenset()
        async with asyncio.timeout(2):
            await access_log.file([access_event(1)], [step(0)])
            assert await read_filed(pool) == [1]
            assert await partitions.make([TODAY + DAY]) == {TODAY + DAY}
    assert await drop_before(database, TODAY) == {OLD}


async def test_days_come_and_go_under_load(
    database: str, pool: Pool, partitions: Partitions, access_log: AccessLog
) -> None:
    """While events are filed and read without a pause, days are made and dropped, and nothing fails."""
    done = asyncio.Event()

    async def file() -> int:
        number = 0
        while not done.is_set():
            number += 1
            await access_log.file([access_event(number)], [step(number - 1)])
        return number

    async def read() -> None:
        while not done.is_set():
            await newest(pool)

    async def come_and_go() -> None:
        try:
            for ahead in range(1, 6):
                await partitions.make([OLD, TODAY + ahead * DAY])
                assert await drop_before(database, OLD + DAY) == {OLD}
        finally:
            done.set()

    async with asyncio.timeout(20):
        filings, *_ = await asyncio.gather(file(), read(), read(), come_and_go())
    assert await read_filed(pool) == list(range(1, filings + 1))
    assert await partitions.days() == {TODAY + ahead * DAY for ahead in range(6)}
