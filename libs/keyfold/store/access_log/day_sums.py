"""Sums of whole days' counts, for owners with many counts: what a chart reads of the days before today.

A transaction that files into a day that is added up withdraws the day's sums with it, so that sums never
differ from the counts; until the day is added up again, its counts are read instead.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, assert_never

from keyfold.store.access_log.scope import (
    AccountScope,
    Filters,
    KeyScope,
    Scope,
    UnattributedScope,
    VendorScope,
)
from keyfold.store.postgres.connection import Connection, open_connection
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements

_sql = load_statements("access_log/day_sums")
_DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HOURS_A_DAY: Final = 24
COUNTS_MIN: Final = 100
"""An owner with fewer counts in a day gets no sums: the counts are read as fast."""

Columns = frozenset[str]
_COLUMN_BITS: Final = {"vendor_id": 16, "key_id": 8, "category": 4, "access": 2, "reason": 1}
_ONLY_DENIED: Final = 32


def _columns(*names: str) -> Columns:
    return frozenset(names)


# The sums with the fewest rows come first.
_OF_ACCOUNTS: Final = (
    _columns("category", "access", "reason"),
    *(
        _columns(party, what)
        for party in ("vendor_id", "key_id")
        for what in ("access", "reason", "category")
    ),
    _columns("vendor_id", "key_id"),
)
_OF_KEYS: Final = (
    _columns("key_id", "category", "access", "reason"),
    *(_columns("vendor_id", "key_id", what) for what in ("access", "reason", "category")),
)
_OF_VENDORS: Final = (_columns("vendor_id", "category", "access", "reason"),)
_OF_VENDORS_DENIALS: Final = (_columns("vendor_id", "key_id", "reason"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Which sums answer a question: their owner and kind, and the owner under which their days are noted."""

    owner: str
    kind: int
    noted_as: str

    async def days(self, connection: Connection, first: datetime, last: datetime) -> frozenset[datetime]:
        """Return the days from `first`, included, to `last`, excluded, that have these sums."""
        rows = _sql.summed_days(connection, owner=self.noted_as, first=first, last=last)
        return frozenset([row["day"] async for row in rows])


def find_sums(scope: Scope, filters: Filters, by: Collection[str]) -> Sums | None:
    """Return the smallest sums that keep these columns and the filters' apart, or None if there are none."""
    needed = frozenset(by) | _filtered_columns(filters)
    match scope:
        case AccountScope(account_id=account_id):
            owner = f"account/{account_id}"
            return _pick_sums(owner, owner, needed, _OF_ACCOUNTS)
        case KeyScope(account_id=account_id, key_id=key_id):
            return _pick_sums(f"key/{account_id}/{key_id}", f"account/{account_id}", needed, _OF_KEYS)
        case VendorScope(vendor_id=vendor_id):
            owner = f"vendor/{vendor_id}"
            found = _pick_sums(owner, owner, needed, _OF_VENDORS)
            if found is None and (filters.denied or filters.reason):
                found = _pick_sums(owner, owner, needed, _OF_VENDORS_DENIALS, extra=_ONLY_DENIED)
            return found
        case UnattributedScope():
            return None
        case _:
            assert_never(scope)


def _pick_sums(
    owner: str, noted_as: str, needed: Columns, kinds: Iterable[Columns], *, extra: int = 0
) -> Sums | None:
    for kept in kinds:
        if needed <= kept:
            merged = sum(bit for column, bit in _COLUMN_BITS.items() if column not in kept)
            return Sums(owner=owner, kind=merged + extra, noted_as=noted_as)
    return None


def _filtered_columns(filters: Filters) -> Columns:
    conditions = {
        "vendor_id": filters.vendor_id,
        "key_id": filters.key_id,
        "category": filters.category,
        "access": filters.access,
        "reason": filters.reason if filters.denied is None else filters.denied,
    }
    return frozenset(column for column, condition in conditions.items() if condition is not None)


async def hold_days(connection: Connection, hours: Iterable[int]) -> None:
    """Keep the days of these hours, counted since 1970, from being added up until the transaction ends."""
    numbers = sorted({hour // _HOURS_A_DAY for hour in hours})
    async for _ in _sql.hold_days(connection, numbers=numbers):
        continue


async def sum_days(dsn: str, oldest: date, today: date, *, counts_min: int = COUNTS_MIN) -> int:
    """Add up the days from the oldest to yesterday that are not added up; return how many.

    Raises DatabaseAway.
    """
    first, last = (datetime.combine(day, time(), UTC) for day in (oldest, today - _DAY))
    # A connection of its own without a timeout: adding up a busy day may take seconds.
    async with open_connection(dsn, application_name="audit sums", statement_timeout_s=0) as connection:
        with translate_errors():
            days = [row["day"] async for row in _sql.days_to_sum(connection, first=first, last=last)]
            for day in days:
                async with connection.transaction():
                    await _sum_day(connection, day, counts_min)
    return len(days)


async def _sum_day(connection: Connection, day: datetime, counts_min: int) -> None:
    await _sql.hold_day_alone(connection, number=(day - _EPOCH) // _DAY)
    # Each statement sees what was committed before it began, also by the transactions it waited for.
    if not [row async for row in _sql.days_to_sum(connection, first=day, last=day)]:
        return  # another process was faster
    await _sql.forget_day(connection, day=day)
    await _sql.note_summed(connection, day=day, counts_min=counts_min)
    await _sql.sum_accounts(connection, day=day)
    await _sql.sum_vendors(connection, day=day)


async def delete_sums_before(dsn: str, oldest: date) -> None:
    """Delete the sums of the days before `oldest`. Raises DatabaseAway."""
    since = datetime.combine(oldest, time(), UTC)
    async with open_connection(dsn, application_name="audit retention") as connection:
        with translate_errors():
            await _sql.delete_oldest_summed_days(connection, oldest=since)
            await _sql.delete_oldest_sums(connection, oldest=since)
