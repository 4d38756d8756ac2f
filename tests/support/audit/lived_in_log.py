"""An access log as after three months of use, made in SQL: rows, and all that is kept with them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.store.access_log.day_sums import sum_days
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.postgres.connection import Connection, open_connection, open_pool

DAYS: Final = 90
KEYS: Final = 4
_DAY: Final = timedelta(days=1)

# A few have most of it: the first of 2,000 accounts has a quarter of all rows, and so has the first of 40
# vendors. Of an account's keys the first ones are used most, and a key is one vendor's, mostly.
_ROWS: Final = """
with drawn as (
    select n, floor(2000 * power(random(), 5.5))::int as account,
           power(random(), 2) as use,
           random() as asker, random() as data, random() as way, random() as fate
    from generate_series(1, $2::bigint) as n
),
keyed as (
    select *, floor(case account when 0 then $4::int else 4 end * use)::int as key from drawn
),
shared as (
    select *, key + case account when 0 then 0 else $4::int + 4 * (account - 1) end as key_number,
           floor(40 * power(abs(hashint4(account * 8 + key + case when asker < 0.1 then 4 else 0 end)::float8)
               / 2147483648, 2))::int as vendor
    from keyed
)
insert into access_log.events
    (at, event_id, account_id, key_id, vendor_id, vendor_key_id, category, access, method, path, reason,
     position, gateway, client_ip, gatekeeper, seq, filing)
select $1::timestamptz + (n - 0.5) * interval '1 day' / $2::bigint, gen_random_uuid(),
       'acc_' || lpad(account::text, 12, '0'), 'key_' || lpad(key_number::text, 12, '0'),
       'ven_' || lpad(vendor::text, 12, '0'), 'key_' || lpad((1000000 + vendor)::text, 12, '0'),
       (array['appointment', 'patient', 'contact', 'clinical', 'financial', 'files', 'system'])
           [1 + floor(7 * power(data, 2))::int],
       case when way < 0.85 then 'read' else 'write' end, case when way < 0.85 then 'GET' else 'PUT' end,
       '/v1/patient/' || floor(1000000 * data)::int,
       case when fate < 0.02 then 'category_denied' when fate < 0.03 then 'read_only' end,
       7, 'caddy', '203.0.113.9', '0195f000-0000-7000-8000-00000000000' || n % 4, ($3::bigint + n) / 4,
       ($3::bigint + n) / 500
from shared
"""
_COUNTED: Final = """
insert into access_log.hourly_counts (hour, key_id, vendor_id, account_id, category, access, reason, requests)
select date_trunc('hour', at, 'UTC'), key_id, vendor_id, account_id, category, access, coalesce(reason, ''),
       count(*)
from access_log.events
where at >= $1::timestamptz and at < $1::timestamptz + interval '1 day'
group by 1, 2, 3, 4, 5, 6, 7
"""
_COUNTED_BY_DAY: Final = """
insert into access_log.daily_counts (day, key_id, vendor_id, account_id, category, access, reason, requests)
select $1::timestamptz, key_id, vendor_id, account_id, category, access, reason, sum(requests)
from access_log.hourly_counts
where hour >= $1::timestamptz and hour < $1::timestamptz + interval '1 day'
group by 1, 2, 3, 4, 5, 6, 7
"""
_NUMBERED: Final = """
insert into access_log.filed_numbers (gatekeeper, block, hour, numbers, twice, filed, duplicates)
select gatekeeper, seq / 2048, date_trunc('hour', at, 'UTC'), range_agg(int8range(seq, seq + 1)), '{}',
       count(*), 0
from access_log.events
where at >= $1::timestamptz and at < $1::timestamptz + interval '1 day'
group by 1, 2, 3
"""
_USED: Final = """
insert into access_log.last_used (key_id, last_used_at)
select key_id, date_trunc('minute', max(at))
from (
    select key_id, at from access_log.events
    union all select vendor_key_id, at from access_log.events
) as used
group by 1
"""
# Filings are told of for a week.
_FILED: Final = """
insert into access_log.filings (number, since, until, filing)
select 1 + filing, min(at), max(at), filing
from access_log.events
where at >= $1::timestamptz - interval '7 days'
group by filing
"""
_MOVED: Final = (
    "select setval('access_log.filing_numbers', $1::bigint), setval('access_log.filing_ids', $1::bigint)"
)


def account(number: int) -> AccountId:
    """Return an account's id; the lower its number, the more requests it has."""
    return AccountId(f"acc_{number:012}")


def key(account_number: int, number: int) -> KeyId:
    """Return the id of one of an account's four keys; the first one is used most."""
    return KeyId(f"key_{account_number * KEYS + number:012}")


def vendor(number: int) -> VendorId:
    """Return a vendor's id; the lower its number, the more it asks."""
    return VendorId(f"ven_{number:012}")


async def fill(dsn: str, rows: int, end: datetime, *, keys: int = KEYS) -> None:
    """Fill an empty log with so many rows, in equal days up to a midnight, and let PostgreSQL look at it.

    The first account has so many `keys`, the others four; `key` names them where all have four.
    """
    days = [end - n * _DAY for n in range(DAYS, 0, -1)]
    async with open_pool(dsn, application_name="fill") as pool:
        await Partitions(pool).make(each.date() for each in (*days, end))
    async with open_connection(dsn, application_name="fill", statement_timeout_s=0) as connection:
        await connection.execute("set synchronous_commit = off")
        await connection.execute("select setseed(0.2)")
        for number, day in enumerate(days):
            await _fill_day(connection, day, rows // DAYS, number * (rows // DAYS), keys)
        await connection.execute(_USED)
        await connection.execute(_FILED, end)
        await connection.execute(_MOVED, 2 + rows // 500)
        await sum_days(dsn, days[0].date(), days[-1].date())
        await connection.execute("vacuum analyze")


async def _fill_day(connection: Connection, day: datetime, rows: int, rows_before: int, keys: int) -> None:
    await connection.execute(_ROWS, day, rows, rows_before, keys)
    await count_day(connection, day)
    await connection.execute(_NUMBERED, day)


async def count_day(connection: Connection, day: datetime) -> None:
    """Count a day's rows by the hour and by the day; the day must not have been counted before."""
    await connection.execute(_COUNTED, day)
    await connection.execute(_COUNTED_BY_DAY, day)
