"""Counts of requests by hour and by day: kept with the log's rows, and what they say of a key."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from operator import attrgetter
from typing import TypeAlias

from keyfold.domain.ids import KeyId
from keyfold.domain.permissions import CATEGORIES, Access, Category
from keyfold.store.access_log.batch import Hour
from keyfold.store.access_log.day_sums import delete_sums_before, hold_days
from keyfold.store.postgres.connection import Connection, Pool, open_connection
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements

_sql = load_statements("access_log/counts")
_counted = attrgetter("requests", "key_id", "vendor_id", "account_id", "category", "access", "reason")

Combination: TypeAlias = tuple[int, str, str, str, str, str, str]
"""The hour, counted since 1970, and what requests of that hour have in common, '' for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtUp:
    """The time up to which the counts are known to be whole, and whether that is too long ago."""

    at: datetime
    is_old: bool


async def add_counts(connection: Connection, hours: Iterable[Hour]) -> None:
    """Count events in the transaction that files them, late in it."""
    counts = tally_requests(hours)
    if not counts:
        return
    combinations = sorted(counts)
    await hold_days(connection, {hour for hour, *_ in combinations})
    numbers, key_ids, vendor_ids, account_ids, categories, accesses, reasons = zip(*combinations, strict=True)
    await _sql.add(
        connection,
        hours=numbers,
        key_ids=key_ids,
        vendor_ids=vendor_ids,
        account_ids=account_ids,
        categories=categories,
        accesses=accesses,
        reasons=reasons,
        requests=[counts[each] for each in combinations],
    )


def tally_requests(hours: Iterable[Hour]) -> Mapping[Combination, int]:
    """Return the number of requests of each combination."""
    counts: Counter[Combination] = Counter()
    for hour, events in hours:
        # Many events are alike: only one of each kind is looked at here.
        for alike, times in Counter(map(_counted, events)).items():
            requests, key_id, vendor_id, account_id, category, access, reason = alike
            word = "" if access is None else access.word
            ids = (key_id or "", vendor_id or "", account_id or "")
            counts[hour, *ids, category or "", word, reason or ""] += requests * times
    return counts


async def delete_counts_before(dsn: str, oldest: date) -> None:
    """Delete the counts of the days before `oldest`, as their partitions are dropped. Raises DatabaseAway."""
    await delete_sums_before(dsn, oldest)
    since = datetime.combine(oldest, time(), UTC)
    async with open_connection(dsn, application_name="audit retention") as connection:
        with translate_errors():
            while await _sql.delete_oldest_hour(connection, oldest=since) is not None:
                continue
            while await _sql.delete_oldest_day(connection, oldest=since) is not None:
                continue


async def read_caught_up(pool: Pool, topic: str, *, age_max_s: float) -> CaughtUp | None:
    """Return up to when everything that Kafka had is counted, or None if that was never noted.

    Raises DatabaseAway or DatabaseMisconfigured.
    """
    with translate_errors():
        async with pool.acquire() as connection:
            row = await _sql.caught_up(connection, topic=topic, age_max_s=age_max_s)
    return None if row["caught_up_at"] is None else CaughtUp(at=row["caught_up_at"], is_old=row["is_old"])


async def read_allowed(pool: Pool, key_id: KeyId, since: datetime) -> Mapping[Category, Access]:
    """Return the most that a key was allowed in each category since the beginning of an hour.

    Categories in which nothing was allowed are left out, and so are those that this code does not know: none
    of its keys can grant them. Raises DatabaseAway or DatabaseMisconfigured.
    """
    with translate_errors():
        async with pool.acquire() as connection:
            rows = [row async for row in _sql.allowed_to_key(connection, key_id=key_id, since=since)]
    return {
        Category(row["category"]): Access.WRITE if row["wrote"] else Access.READ
        for row in rows
        if row["category"] in CATEGORIES
    }
