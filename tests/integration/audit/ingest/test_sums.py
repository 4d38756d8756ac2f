"""Sums of days: always what their counts come to, whatever is filed late, dies or is dropped meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfold.audit.ingest.maintenance import drop_old, sum_up
from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.permissions import Access
from keyfold.store.access_log.day_sums import sum_days
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.access_log.scope import AccountScope, Filters, KeyScope, Scope, VendorScope
from keyfold.store.access_log.summaries import Bucket, Dimension, SummaryQuestion, read_summary
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import Pool
from tests.support.access_events import EPOCH, mixed_event
from tests.support.audit.filing import OVER_ONE_LOG, step
from tests.support.audit.log import Log, belongs, value_of
from tests.support.eventually import eventually
from tests.support.runtime.tokens import SetClock
from tests.support.store.logins import login_of

DAY: Final = timedelta(days=1)
TODAY: Final = EPOCH.date()
OLDEST: Final = TODAY - 90 * DAY
ACCOUNT: Final = AccountScope(account_id=AccountId("acc_1"))
VENDOR: Final = VendorScope(vendor_id=VendorId("ven_1"))
SCOPES: Final = (
    ACCOUNT,
    KeyScope(account_id=AccountId("acc_1"), key_id=KeyId("key_1")),
    VENDOR,
)
FILTERS: Final = (
    Filters(),
    Filters(denied=True),
    Filters(denied=False),
    Filters(reason="read_only"),
    Filters(category="patient"),
    Filters(vendor_id=VendorId("ven_2")),
    Filters(key_id=KeyId("key_1"), access=Access.READ),
)
ALL_TABLES: Final = """
truncate access_log.events, access_log.hourly_counts, access_log.daily_counts, access_log.daily_sums,
    access_log.summed_days, access_log.offsets
"""
SUMMED: Final = "select count(distinct day) from access_log.summed_days"
WAITS: Final = "select count(*) from pg_locks where locktype = 'advisory' and not granted"


def event(number: int) -> AccessEvent:
    """Return one of many events of five days, some alike in what is counted."""
    return mixed_event(
        number,
        at=EPOCH - number % 5 * DAY,
        account_id=AccountId(f"acc_{number % 2}"),
        reason=None if number % 4 else [Reason.READ_ONLY, Reason.CATEGORY_DENIED][number % 8 // 4],
    )


def question(scope: Scope, filters: Filters, *by: Dimension) -> SummaryQuestion:
    """Ask for all days."""
    until = EPOCH + DAY
    return SummaryQuestion(
        scope=scope, filters=filters, since=until - 90 * DAY, until=until, bucket=Bucket.DAY, by=frozenset(by)
    )


def meets(each: AccessEvent, filters: Filters) -> bool:
    """Tell whether an event meets every condition."""
    return (
        filters.key_id in (None, each.key_id)
        and filters.vendor_id in (None, each.vendor_id)
        and filters.category in (None, each.category)
        and filters.access in (None, each.access)
        and filters.reason in (None, each.reason)
        and filters.denied in (None, each.reason is not None)
    )


def expected(asked: SummaryQuestion, events: Sequence[AccessEvent]) -> Counter[tuple[object, ...]]:
    """Count the events themselves."""
    counts: Counter[tuple[object, ...]] = Counter()
    for each in events:
        if belongs(each, asked.scope) and meets(each, asked.filters):
            told = (value_of(each, by) if by in asked.by else "" for by in Dimension)
            counts[each.at.replace(hour=0, minute=0, second=0, microsecond=0), *told] += each.requests
    return counts


async def read_answer(pool: Pool, asked: SummaryQuestion) -> Counter[tuple[object, ...]]:
    """Return what a summary says."""
    return Counter(
        {
            (each.start, *each.combination): each.requests
            for each in await read_summary(pool, asked, counts_max=10_000)
        }
    )


# A step is a batch of events, each named by its number, and whether days are added up after it.
STEPS: Final = st.lists(
    st.tuples(st.lists(st.integers(1, 80), max_size=25), st.booleans()), min_size=1, max_size=5
)


@given(
    steps=STEPS,
    scope=st.sampled_from(SCOPES),
    filters=st.sampled_from(FILTERS),
    by=st.frozensets(st.sampled_from(Dimension), min_size=1, max_size=3),
)
@OVER_ONE_LOG
async def test_a_summary_agrees_with_the_rows(
    database: str,
    pool: Pool,
    steps: Sequence[tuple[list[int], bool]],
    scope: Scope,
    filters: Filters,
    by: frozenset[Dimension],
) -> None:
    """Whenever days were added up, and whatever came late, a summary is the rows counted."""
    await pool.execute(ALL_TABLES)
    access_log = AccessLog(pool, "access")
    await Partitions(pool).make({event(number).at.date() for number in range(5)})
    asked = question(scope, filters, *by)
    filed = set[int]()
    for offset, (numbers, is_summed) in enumerate(steps):
        await access_log.file([event(number) for number in numbers], [step(offset)])
        filed |= set(numbers)
        if is_summed:
            await sum_days(database, OLDEST, TODAY, counts_min=1)
        assert await read_answer(pool, asked) == expected(asked, [event(number) for number in filed])


async def test_days_that_are_over_are_added_up(database: str, pool: Pool) -> None:
    """Once, for whoever has many counts; today's are not, and what was filed late is added up anew."""
    log = Log(pool)
    await log.file(*(event(number) for number in range(1, 60)))
    assert await sum_days(database, OLDEST, TODAY, counts_min=1) == 4
    assert await sum_days(database, OLDEST, TODAY, counts_min=1) == 0
    # From now on the counts of those days are not read.
    await pool.execute("delete from access_log.daily_counts where day < $1", EPOCH.replace(hour=0))
    asked = question(ACCOUNT, Filters(), Dimension.CATEGORY, Dimension.DECISION)
    assert await read_answer(pool, asked) == expected(asked, [event(number) for number in range(1, 60)])


async def test_whoever_has_few_counts_is_read_from_them(database: str, pool: Pool) -> None:
    """For an account or a vendor with few counts of a day nothing is kept twice."""
    await Log(pool).file(*(event(number) for number in range(1, 60)))
    assert await sum_days(database, OLDEST, TODAY, counts_min=1000) == 4
    assert await pool.fetchval("select count(*) from access_log.daily_sums") == 0
    asked = question(VENDOR, Filters(), Dimension.REASON)
    assert await read_answer(pool, asked) == expected(asked, [event(number) for number in range(1, 60)])


async def test_what_is_filed_late_takes_its_day_back(database: str, pool: Pool) -> None:
    """In the transaction that files it; the other days stay added up."""
    log = Log(pool)
    await log.file(*(event(number) for number in range(1, 60)))
    await sum_days(database, OLDEST, TODAY, counts_min=1)
    await log.file(event(61))
    assert await pool.fetchval(SUMMED) == 3
    assert await sum_days(database, OLDEST, TODAY, counts_min=1) == 1
    asked = question(ACCOUNT, Filters(), Dimension.VENDOR)
    assert await read_answer(pool, asked) == expected(asked, [event(n) for n in (*range(1, 60), 61)])


async def test_a_filing_that_is_under_way_is_waited_for(database: str, pool: Pool) -> None:
    """A day is not added up without what is about to be committed of it."""
    log = Log(pool)
    await log.file(event(1))
    async with pool.acquire() as connection, connection.transaction():
        held = event(31)  # counted with the first one
        await connection.execute(
            "select from access_log.daily_counts where day = $1 for update",
            held.at.replace(hour=0, minute=0, second=0, microsecond=0),
        )
        filing = asyncio.create_task(log.file(held))
        await eventually(lambda: _waits_for_a_row(pool))
        summing = asyncio.create_task(sum_days(database, OLDEST, TODAY, counts_min=1))
        await eventually(lambda: _waits_for_a_day(pool))
    await filing
    await summing
    asked = question(ACCOUNT, Filters(), Dimension.KEY)
    assert await read_answer(pool, asked) == expected(asked, [event(n) for n in (1, 31)])
    assert await pool.fetchval(SUMMED) == 1


async def _waits_for_a_row(pool: Pool) -> bool:
    return bool(await pool.fetchval("select count(*) from pg_locks where not granted") > 0)


async def _waits_for_a_day(pool: Pool) -> bool:
    return bool(await pool.fetchval(WAITS) > 0)


async def test_what_comes_while_a_day_is_added_up_takes_it_back(database: str, pool: Pool) -> None:
    """A filing waits for the day to be added up, and then finds that it was."""
    log = Log(pool)
    await log.file(event(1))
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("lock table access_log.daily_sums in exclusive mode")
        summing = asyncio.create_task(sum_days(database, OLDEST, TODAY, counts_min=1))
        await eventually(lambda: _waits_for_a_row(pool))
        filing = asyncio.create_task(log.file(event(6)))
        await eventually(lambda: _waits_for_a_day(pool))
    await summing
    await filing
    assert await pool.fetchval(SUMMED) == 0
    asked = question(ACCOUNT, Filters(), Dimension.KEY)
    assert await read_answer(pool, asked) == expected(asked, [event(1), event(6)])


async def test_one_that_dies_leaves_nothing(database: str, pool: Pool) -> None:
    """Half of a day's sums are no sums: the day is added up anew by the next one."""
    await Log(pool).file(*(event(number) for number in range(1, 60)))
    await pool.execute(
        "create function public.die() returns trigger language plpgsql as"
        " $$ begin raise exception 'the process died here'; end $$"
    )
    await pool.execute(
        "create trigger death before insert on access_log.daily_sums for each row"
        " when (new.kind = 38) execute function public.die()"
    )
    with pytest.raises(asyncpg.RaiseError):
        await sum_days(database, OLDEST, TODAY, counts_min=1)
    assert await pool.fetchval(SUMMED) == 0
    await pool.execute("drop trigger death on access_log.daily_sums")
    assert await sum_days(database, OLDEST, TODAY, counts_min=1) == 4


async def test_sums_go_with_their_counts(database: str, pool: Pool) -> None:
    """The audit service's own role adds up, and deletes what is older than the log keeps."""
    await Log(pool).file(*(event(number) for number in range(1, 60)))
    own = await login_of(database, "audit")
    await sum_up(own, SetClock(at=EPOCH))
    assert await pool.fetchval(SUMMED) == 4
    later = SetClock(at=EPOCH + 88 * DAY)
    await drop_old(own, later)
    first: datetime = await pool.fetchval("select min(day) from access_log.summed_days")
    assert first == (later.now() - 90 * DAY).replace(hour=0)
    assert await pool.fetchval("select count(*) from access_log.daily_sums where day < $1", first) == 0
