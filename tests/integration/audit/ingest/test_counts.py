"""Counts by hour and by day always match the rows, whatever happens while filing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfold.audit.ingest.maintenance import drop_old
from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.permissions import Access, Category
from keyfold.store.access_log.counts import read_allowed, read_caught_up
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import Pool, open_pool
from keyfold.store.postgres.errors import OffsetsMoved
from keyfold.wire.offsets import Advance, PartitionEnd
from tests.support.access_events import EPOCH, access_event, mixed_event
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
from tests.support.store.logins import login_of, pool_of

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
COUNTS_MIGRATION = "20261123_06_hourly-counts"

FROM_ROWS = """
select date_trunc('{unit}', at, 'UTC') as start, coalesce(key_id, '') as key_id,
       coalesce(vendor_id, '') as vendor_id, coalesce(account_id, '') as account_id,
       coalesce(category, '') as category, coalesce(access, '') as access, coalesce(reason, '') as reason,
       sum(coalesce(requests, 1)) as requests
from access_log.events
group by 1, 2, 3, 4, 5, 6, 7
"""
KEPT = {"hour": "access_log.hourly_counts", "day": "access_log.daily_counts"}
DIFFERENCES = " union all ".join(
    f"(select * from ({counted}) as counted except table {table})"
    f" union all (table {table} except select * from ({counted}) as counted)"
    for unit, table in KEPT.items()
    for counted in [FROM_ROWS.format(unit=unit)]
)
EMPTY = f"truncate access_log.events, access_log.offsets, {', '.join(KEPT.values())}"

TABLE = "access_log.hourly_counts"

# A step is a batch of events, each named by its number, and what becomes of it.
STEPS = st.lists(
    st.tuples(
        st.lists(st.integers(1, 60), max_size=25),
        st.sampled_from(["is filed", "is filed", "is fenced", *deaths(TABLE)]),
    ),
    min_size=1,
    max_size=8,
)


async def differences(pool: Pool) -> list[asyncpg.Record]:
    """Return where the counts and the rows disagree."""
    found: list[asyncpg.Record] = await pool.fetch(DIFFERENCES)
    return found


async def requests(pool: Pool) -> int:
    """Return how many requests are counted in all."""
    return int(await pool.fetchval("select coalesce(sum(requests), 0) from access_log.hourly_counts"))


def event(number: int) -> AccessEvent:
    """Return one of many events at the edges of hours, some of which no key was proven for."""
    return mixed_event(
        number,
        at=EPOCH + number % 5 * HOUR - timedelta(microseconds=number % 2),
        account_id=None if number % 7 == 0 else AccountId(f"acc_{number % 2}"),
        key_id=None if number % 7 == 0 else KeyId(f"key_{number % 3}"),
        vendor_id=[None, VendorId(""), VendorId("ven_1")][number % 3],
        requests=1 if number % 6 else 100 * number,
    )


@given(steps=STEPS)
@OVER_ONE_LOG
async def test_counts_are_those_of_the_rows(
    access_log: AccessLog, pool: Pool, steps: Sequence[tuple[list[int], str]]
) -> None:
    """After any batches, with repetitions, crashes and zombies, the counts match the rows."""
    await pool.execute(EMPTY)
    await access_log.file([], [step(0)])
    offset = 1
    for numbers, fate in steps:
        batch = [event(number) for number in numbers]
        if fate == "is fenced":
            with pytest.raises(OffsetsMoved):
                await access_log.file(batch, [step(offset - 1)])
        else:
            offset += await files(pool, access_log, batch, step(offset), fate)
        assert await differences(pool) == []
    assert await requests(pool) == await pool.fetchval(
        "select coalesce(sum(coalesce(requests, 1)), 0) from access_log.events"
    )


async def files(
    pool: Pool, access_log: AccessLog, batch: Sequence[AccessEvent], advance: Advance, fate: str
) -> bool:
    """Tell whether a batch is filed, or the death was met."""
    async with kill_filing(pool, TABLE, fate):
        try:
            await access_log.file(batch, [advance])
        except asyncpg.RaiseError:
            return False
        else:
            return True


async def test_each_combination_is_counted_for_itself(access_log: AccessLog, pool: Pool) -> None:
    """Requests that differ in anything a query can ask for are counted apart, and the others together."""
    apart = [
        access_event(1),
        access_event(2, at=EPOCH + HOUR),
        access_event(3, key_id=KeyId("key_2")),
        access_event(4, vendor_id=VendorId("ven_2")),
        access_event(5, account_id=AccountId("acc_2")),
        access_event(6, category=Category.FILES),
        access_event(7, access=Access.WRITE),
        access_event(8, reason=Reason.READ_ONLY),
    ]
    alike = [
        access_event(9, path="/v1/other", vendor_key_id=KeyId("key_v2")),
        access_event(10, client_ip=None),
    ]
    await access_log.file([*apart, *alike], [step(0)])
    counted = await pool.fetch("select requests from access_log.hourly_counts order by 1")
    assert [row["requests"] for row in counted] == [1] * 7 + [3]
    assert await differences(pool) == []


async def test_a_flood_counts_for_what_it_was(access_log: AccessLog, pool: Pool) -> None:
    """One event for a million denials counts as a million; others like it are added."""
    flood = [
        access_event(number, account_id=None, key_id=None, reason=Reason.MALFORMED_KEY, requests=times)
        for number, times in enumerate((1_000_000, 1, 7), 1)
    ]
    await access_log.file(flood, [step(0)])
    assert await requests(pool) == 1_000_008
    assert await differences(pool) == []
    await access_log.file(flood, [step(1)])
    assert await requests(pool) == 1_000_008


async def test_two_consumers_count_the_same_hour(access_log: AccessLog, pool: Pool) -> None:
    """Consumers that count the same combinations at once, in any order, never deadlock."""
    await access_log.file([_of_key(number, number) for number in range(9)], [step(0)])
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("select from access_log.hourly_counts where key_id = 'key_4' for update")
        upwards = [_of_key(10 + number, number) for number in range(9)]
        downwards = [_of_key(20 + number, number) for number in reversed(range(9))]
        other = AccessLog(pool, TOPIC)
        filing = asyncio.gather(
            access_log.file(upwards, [step(1)]), other.file(downwards, [step(0, partition=1)])
        )
        await eventually(lambda: are_waiting(pool, 2, "hourly_counts"))
    await filing
    assert await differences(pool) == []


def _of_key(number: int, key: int) -> AccessEvent:
    return access_event(number, key_id=KeyId(f"key_{key}"))


async def test_a_migration_counts_what_is_there(empty_database: str, tmp_path: Path) -> None:
    """Rows from before there were counts are counted, also one whose filing is under way meanwhile.

    They are from before one could stand for many requests, too.
    """
    await migrate_to_before(empty_database, COUNTS_MIGRATION, tmp_path)
    async with open_pool(empty_database, application_name="test") as pool:
        await make_early_partition(pool, EPOCH.date())
        await copy(pool, [event(number) for number in range(1, 40)])
        await migrate_while_filing(empty_database, pool, [event(40)])
        assert await requests(pool) == 40
        assert await differences(pool) == []


async def test_old_hours_go_with_their_partitions(database: str, pool: Pool, partitions: Partitions) -> None:
    """The counts of dropped days go, and every hour of the oldest day that stays is kept."""
    old, kept = EPOCH - 91 * DAY, (EPOCH - 90 * DAY).replace(hour=0)
    await partitions.make([old.date(), kept.date()])
    events = [
        access_event(1, at=old),
        access_event(2, at=old + HOUR),
        access_event(3, at=kept),
        access_event(4),
    ]
    await AccessLog(pool, TOPIC).file(events, [step(0)])
    await drop_old(database, SetClock(at=EPOCH))
    assert await requests(pool) == 2
    assert await differences(pool) == []


async def test_what_was_allowed_to_a_key(access_log: AccessLog, pool: Pool) -> None:
    """The most that was allowed in each category since the hour, without denials and other keys."""
    key_id = KeyId("key_1")
    await access_log.file(
        [
            access_event(1),
            access_event(2, access=Access.WRITE),
            access_event(3, category=Category.FILES),
            access_event(4, category=Category.CLINICAL, reason=Reason.CATEGORY_DENIED),
            access_event(5, category=Category.CONTACT, key_id=KeyId("key_2")),
            access_event(6, category=Category.SYSTEM, at=EPOCH - timedelta(microseconds=1)),
            access_event(7, category=None, access=None),
        ],
        [step(0)],
    )
    used = {Category.PATIENT: Access.WRITE, Category.FILES: Access.READ}
    assert await read_allowed(pool, key_id, EPOCH) == used
    assert await read_allowed(pool, key_id, EPOCH - HOUR) == {**used, Category.SYSTEM: Access.READ}


async def test_complete_only_when_every_partition_was(access_log: AccessLog, pool: Pool) -> None:
    """The log is complete up to the oldest note of its partitions; unknown until each was noted."""
    assert await _caught_up(pool) is None
    await note(access_log, {0: 0, 1: 5}, ago_s=100)
    assert await access_log.next_offsets(frozenset({0, 1})) == {0: 0, 1: 5}
    assert await _caught_up(pool) == (100, False)
    await note(access_log, {0: 0}, ago_s=0)
    assert await _caught_up(pool) == (100, False)
    await note(access_log, {1: 5}, ago_s=7)
    assert await _caught_up(pool) == (7, False)
    await note(access_log, {1: 5}, ago_s=400)
    assert await _caught_up(pool) == (7, False)
    await access_log.file([], [step(0, partition=2)])
    assert await _caught_up(pool) is None
    await note(access_log, {2: 1}, ago_s=301)
    assert await _caught_up(pool) == (301, True)


async def test_behind_is_not_complete(access_log: AccessLog, pool: Pool) -> None:
    """Nothing is noted of a partition that is not filed to its end, whatever a caller says."""
    await note(access_log, {0: 0}, ago_s=100)
    await note(AccessLog(pool, TOPIC), {0: 1}, ago_s=0)
    assert await _caught_up(pool) == (100, False)
    await access_log.file([access_event(1)], [step(0)])
    await note(access_log, {0: 1}, ago_s=0)
    assert await _caught_up(pool) == (0, False)


async def note(access_log: AccessLog, end_offsets: Mapping[int, int], *, ago_s: float) -> None:
    """Note that so many seconds ago these were the ends."""
    asked_at = await access_log.time() - timedelta(seconds=ago_s)
    ends = {at: PartitionEnd(offset=offset, asked_at=asked_at) for at, offset in end_offsets.items()}
    await access_log.note_caught_up(ends)


async def _caught_up(pool: Pool) -> tuple[int, bool] | None:
    """Return how many seconds ago the log was complete, and whether that is old."""
    found = await read_caught_up(pool, TOPIC, age_max_s=300)
    if found is None:
        return None
    now: datetime = await pool.fetchval("select clock_timestamp()")
    # A test may take seconds on a busy machine; what it asks about differs by more.
    ago_s = (now.astimezone(UTC) - found.at).total_seconds()
    return min((0, 7, 100, 301), key=lambda said: abs(ago_s - said)), found.is_old


async def test_the_services_roles_suffice(database: str, access_log: AccessLog) -> None:
    """The audit service's role counts, notes and deletes, and the registry's reads."""
    async with pool_of(database, "audit") as audit:
        await AccessLog(audit, TOPIC).file([access_event(1)], [step(0)])
        await AccessLog(audit, TOPIC).file([access_event(1), access_event(2)], [step(1)])
        await note(AccessLog(audit, TOPIC), {0: 2}, ago_s=0)
    async with pool_of(database, "registry") as registry:
        assert await read_allowed(registry, KeyId("key_1"), EPOCH) == {Category.PATIENT: Access.READ}
        assert await _caught_up(registry) == (0, False)
        await drop_old(await login_of(database, "audit"), SetClock(at=EPOCH + 92 * DAY))
        assert await read_allowed(registry, KeyId("key_1"), EPOCH) == {}
