"""How PostgreSQL goes about each question: off an index, in order, and past every day not asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
import orjson
import pytest

from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.local.servers.postgres import LocalPostgres
from keyfold.store.access_log.partitions import Partitions, partition_name
from keyfold.store.access_log.scope import (
    CONDITIONS,
    SUMMED,
    AccountScope,
    Filters,
    KeyScope,
    Scope,
    UnattributedScope,
    VendorScope,
    conditions,
    prepare,
)
from keyfold.store.access_log.scope import COUNTED as COUNTS
from keyfold.store.access_log.summaries import Dimension
from keyfold.store.postgres.connection import open_connection, open_pool
from keyfold.store.postgres.statements import load_statements, order_values
from tests.support.access_events import EPOCH
from tests.support.database import clone_database

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
DAYS: Final = 4
TODAY: Final = EPOCH.replace(hour=0)
PREPARED: Final = """
insert into access_log.events
    (at, event_id, account_id, key_id, vendor_id, vendor_key_id, category, access, method, path, position,
     gateway, gatekeeper, seq, filing)
select $1::timestamptz - n * interval '8 seconds', gen_random_uuid(), acc || n % 50, 'key_' || n % 100,
       ven || n % 20, 'key_v' || n % 20, 'patient', 'read', 'GET', '/v1/patient/1', 7, 'caddy',
       'gatekeeper-1', n, n / 10
from generate_series(1, 40000) as n, lateral (
    select case when n % 400 > 0 then 'acc_' end as acc, case when n % 400 > 0 then 'ven_' end as ven
) as named;
"""
COUNTED: Final = """
insert into access_log.hourly_counts
select date_trunc('hour', at, 'UTC') - back * interval '4 days', key_id, coalesce(vendor_id, ''),
       coalesce(account_id, ''), category, access, '', count(*)
from access_log.events, generate_series(0, 9) as back group by 1, 2, 3, 4, 5, 6;
"""
COUNTED_BY_DAY: Final = """
insert into access_log.daily_counts
select date_trunc('day', hour, 'UTC'), key_id, vendor_id, account_id, category, access, reason, sum(requests)
from access_log.hourly_counts group by 1, 2, 3, 4, 5, 6, 7;
"""
NUMBERED: Final = """
insert into access_log.filings (number, since, until, filing)
select 4001 - filing, min(at), max(at), filing from access_log.events where filing > 0 group by filing;
"""
ACCOUNTED: Final = """
insert into access_log.filed_numbers
select 'run-' || mod(n, 10), n / 10, timestamptz '%s' - n * interval '20 seconds',
       int8multirange(int8range(n, n + 1)), '{}', 1, 0
from generate_series(1, 20000) as n;
"""
ACCOUNT: Final = AccountScope(account_id=AccountId("acc_1"))
SCOPES: Final = (
    (ACCOUNT, "account_id"),
    (KeyScope(account_id=AccountId("acc_1"), key_id=KeyId("key_1")), "key_id"),
    (VendorScope(vendor_id=VendorId("ven_1")), "vendor_id"),
    (UnattributedScope(), ""),
)
FORMULA: Final = {"formula": "(61)"}


@pytest.fixture(scope="module")
async def lived_in(postgres_server: LocalPostgres, template_database: str) -> str:
    """A database with four full days of many tenants' activity, which no test changes."""
    dsn = await clone_database(postgres_server.dsn, template_database, "plans")
    async with open_pool(dsn, application_name="test") as pool:
        await Partitions(pool).make(TODAY.date() - n * DAY for n in range(-1, DAYS + 1))
        await pool.execute(PREPARED.replace("$1::timestamptz", f"timestamptz '{TODAY + DAY}'"))
        await pool.execute(COUNTED)
        await pool.execute(COUNTED_BY_DAY)
        await pool.execute(NUMBERED)
        await pool.execute(ACCOUNTED % TODAY)
        for table in ("events", "hourly_counts", "daily_counts", "filings", "filed_numbers"):
            await pool.execute(f"analyze access_log.{table}")
    return dsn


@pytest.fixture
async def connection(lived_in: str) -> AsyncIterator[asyncpg.Connection]:
    """A session of somebody who asks."""
    async with open_connection(lived_in, application_name="test") as connection:
        await prepare(connection)
        yield connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a plan does: its kinds of steps, the tables that it reads, by which of their columns, and what it
    leaves out again of the rows that it has read."""

    steps: frozenset[str]
    tables: frozenset[str]
    conditions: str
    filters: str

    def finds_by(self, column: str) -> bool:
        """Tell whether rows are found by this column; where there is none, by an index that has no others."""
        if not column:
            looked_at = self.filters + self.conditions
            return not any(each in looked_at for each in ("account_id", "vendor_id"))
        return f"{column} = " in self.conditions


async def explain(
    connection: asyncpg.Connection, file: str, name: str, values: Mapping[str, object], **parts: str
) -> Plan:
    """Return the plan of a statement for these very values."""
    statements = load_statements(file, conditions=CONDITIONS, counted=COUNTS, summed=SUMMED, **parts)
    sql = getattr(statements, name).sql.rstrip().rstrip(";")
    text = await connection.fetchval(f"explain (format json) {sql}", *order_values(statements, name, values))
    nodes = list(_nodes(orjson.loads(text)[0]["Plan"]))
    return Plan(
        steps=frozenset(node["Node Type"] for node in nodes),
        tables=frozenset(node["Relation Name"] for node in nodes if "Relation Name" in node),
        conditions=" ".join(node.get("Index Cond", "") for node in nodes),
        filters=" ".join(node.get("Filter", "") for node in nodes),
    )


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for each in node.get("Plans", ()):
        yield from _nodes(each)


def question_values(scope: Scope, *, since: datetime, until: datetime, **more: object) -> dict[str, object]:
    """Return the values of a question."""
    return {**conditions(scope, Filters()), "since": since, "until": until, **more}


def days(*ago: int) -> frozenset[str]:
    """Return the names of the partitions of so many days ago."""
    return frozenset(partition_name((TODAY - each * DAY).date()) for each in ago)


@pytest.mark.parametrize(("scope", "column"), SCOPES)
async def test_a_page_is_read_off_an_index(connection: asyncpg.Connection, scope: Scope, column: str) -> None:
    """A page is one index's range read backwards: nothing is sorted, no other day is touched."""
    values = question_values(scope, since=TODAY - DAY, until=TODAY + DAY)
    more = {"before_event_id": None, "before_at": None, "rows_max": 51}
    plan = await explain(connection, "access_log/activity", "activity", values | more)
    assert plan.steps <= {"Limit", "Append", "Index Scan", "Index Only Scan"}
    assert plan.tables == days(0, 1)
    assert plan.finds_by(column)


@pytest.mark.parametrize(("scope", "column"), SCOPES)
async def test_a_later_page_begins_where_the_one_before_ended(
    connection: asyncpg.Connection, scope: Scope, column: str
) -> None:
    """Page 100 is read off the index as the first one is: what was shown already is not read again."""
    at = TODAY - DAY + 7 * HOUR
    values = question_values(scope, since=TODAY - 2 * DAY, until=at + timedelta(microseconds=1))
    more = {"before_event_id": "00000000-0000-0000-0000-000000000009", "before_at": at, "rows_max": 51}
    plan = await explain(connection, "access_log/activity", "activity", values | more)
    assert plan.steps <= {"Limit", "Append", "Index Scan"}
    assert plan.tables == days(1, 2)
    assert plan.finds_by(column)
    assert "ROW(at, event_id) < ROW(" in plan.conditions


@pytest.mark.parametrize(("scope", "column"), SCOPES)
async def test_what_few_rows_meet_is_looked_for_by_the_hour(
    connection: asyncpg.Connection, scope: Scope, column: str
) -> None:
    """Where few rows meet the conditions, counts tell the hours, and rows of those hours alone are read."""
    values = question_values(scope, since=TODAY - 2 * DAY, until=TODAY + DAY) | {
        "reason": "read_only",
        "days_max": 8,
    }
    counts = await explain(connection, "access_log/activity", "hours", values)
    assert counts.tables == {"daily_counts", "hourly_counts"}
    assert "Seq Scan" not in counts.steps
    assert counts.finds_by(column) or column == "key_id"
    assert "day > " in counts.conditions
    assert "hour >= daily_counts.day" in counts.conditions
    page = {"hours": [TODAY - DAY, TODAY], "before_event_id": None, "before_at": None, "rows_max": 51}
    rows = await explain(connection, "access_log/activity", "activity_of_hours", values | page)
    assert rows.tables == days(0, 1, 2)
    assert "Seq Scan" not in rows.steps
    assert "at >= within.hour" in rows.conditions
    assert rows.finds_by(column)


@pytest.mark.parametrize("form", ["csv", "ndjson"])
@pytest.mark.parametrize(("scope", "column"), SCOPES)
async def test_an_export_gathers_nothing(
    connection: asyncpg.Connection, scope: Scope, column: str, form: str
) -> None:
    """An export goes out as it is read: no step of it holds more than a row."""
    values = question_values(scope, since=TODAY - 2 * DAY, until=TODAY)
    names = {"vendor_names": '{"ven_1": "Recalls"}', "key_names": "{}"}
    plan = await explain(connection, "access_log/export", form, values | names, **FORMULA)
    assert plan.steps <= {"Append", "Index Scan", "Subquery Scan", "Result"}
    assert plan.tables == days(1, 2)
    assert plan.finds_by(column)


async def test_a_decision_is_found_by_its_time(connection: asyncpg.Connection) -> None:
    """One decision is read off the primary key of its day, between the times that its id allows."""
    at = TODAY + 7 * HOUR
    bounds = {"since": at, "until": at + timedelta(seconds=2)}
    one = {"event_id": "0195f000-0000-7000-8000-000000000007", **bounds}
    plan = await explain(connection, "access_log/decisions", "decision", one)
    assert plan.steps <= {"Limit", "Index Scan"}
    assert plan.tables == days(0)
    assert all(each in plan.conditions for each in ("at >= ", "at < ", "event_id = "))


@pytest.mark.parametrize(("scope", "column"), SCOPES)
async def test_what_arrived_is_found_by_its_time(
    connection: asyncpg.Connection, scope: Scope, column: str
) -> None:
    """Of what was just filed, a stream reads its tenant's rows of those moments, in their days alone."""
    values = question_values(scope, since=TODAY + 23 * HOUR, until=TODAY + DAY - timedelta(seconds=1))
    place = {"first": 3991, "last": 4000, "number": 3990, "at": None, "event_id": None, "rows_max": 200}
    plan = await explain(connection, "access_log/arrivals", "read_arrivals", values | place)
    assert "Seq Scan" not in plan.steps
    assert plan.tables == {*days(0), "filings"}
    assert plan.finds_by(column)
    assert "number" in plan.conditions


async def test_the_newest_filing_is_looked_up(connection: asyncpg.Connection) -> None:
    """To see whether something arrived costs one look at an index, and so does what comes next."""
    newest = await explain(connection, "access_log/arrivals", "newest_number", {})
    assert "Index Only Scan" in newest.steps
    assert "Seq Scan" not in newest.steps
    extent = await explain(connection, "access_log/arrivals", "extent", {"first": 3990, "batches_max": 500})
    assert "Seq Scan" not in extent.steps
    assert "number >= " in extent.conditions


@pytest.mark.parametrize(("scope", "column"), SCOPES)
@pytest.mark.parametrize("edge", [timedelta(0), timedelta(minutes=20)])
async def test_a_summary_reads_counts_and_only_edges_of_rows(
    connection: asyncpg.Connection, scope: Scope, column: str, edge: timedelta
) -> None:
    """A day's summary reads that day's counts by an index, and rows only of hours that are not whole."""
    first, last = TODAY - DAY, TODAY
    whole = {"first_hour": first, "first_day": first, "last_day": last, "last_hour": last}
    values = question_values(scope, since=first - edge, until=last + edge, unit="day", **whole)
    by = {f"by_{each}": True for each in Dimension}
    sums = {"owner": None, "kind": None, "summed_days": [], "counted_days": [first]}
    page = {**by, **sums, "before_start": None, "before": None, "rows_max": 1001}
    plan = await explain(connection, "access_log/summaries", "summary", values | page)
    assert "Seq Scan" not in plan.steps
    assert "daily_counts" in plan.tables
    assert plan.tables <= {"daily_counts", "hourly_counts", *(days(0, 2) if edge else ())}
    # A key's days are found among its account's.
    assert plan.finds_by(column) or (column == "key_id" and plan.finds_by("account_id"))
    assert "day = ANY" in plan.conditions


async def test_a_summary_of_days_that_are_added_up_reads_their_sums(connection: asyncpg.Connection) -> None:
    """Of such days neither counts nor rows are read, and of their sums only those of the kind asked for."""
    first, last = TODAY - DAY, TODAY
    whole = {"first_hour": first, "first_day": first, "last_day": last, "last_hour": last}
    values = question_values(ACCOUNT, since=first, until=last, unit="day", **whole)
    by = {f"by_{each}": each is Dimension.VENDOR for each in Dimension}
    sums = {"owner": "account/acc_1", "kind": 13, "summed_days": [first], "counted_days": []}
    page = {**by, **sums, "before_start": None, "before": None, "rows_max": 1001}
    plan = await explain(connection, "access_log/summaries", "summary", values | page)
    assert "Seq Scan" not in plan.steps
    assert "(owner = 'account/acc_1'::text) AND (kind = '13'::smallint) AND (day = ANY" in plan.conditions


async def test_completeness_reads_the_hours_of_its_page(connection: asyncpg.Connection) -> None:
    """Whether the log is whole is read off indexes in their order, and no event's row is looked at."""
    values = {"since": TODAY - 4 * DAY, "until": TODAY, "before_hour": None, "before_gatekeeper": None}
    page = {**values, "ranges_max": 100, "rows_max": 101}
    plan = await explain(connection, "access_log/completeness/numbers", "run_hours", page)
    assert plan.tables == {"filed_numbers", "forgotten_numbers", "closed_runs"}
    assert "hour >= " in plan.conditions
    assert "gatekeeper = " in plan.conditions
    assert "HashAggregate" not in plan.steps
