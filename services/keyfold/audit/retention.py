"""How long the access log holds an event, and on which days it has partitions."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

RETENTION: Final = timedelta(days=90)
_DAYS_AHEAD: Final = 7
_DAY: Final = timedelta(days=1)


def oldest_kept(now: datetime) -> datetime:
    """Return the time of the oldest event that anyone may still see."""
    return now - RETENTION


def oldest_day(now: datetime) -> date:
    """Return the oldest day that may still hold an event to keep; older partitions can go whole."""
    return oldest_kept(now).date()


def days_to_have(now: datetime) -> Iterator[date]:
    """Yield the days that need a partition: yesterday, for late events, today, and a week ahead."""
    for ahead in range(-1, _DAYS_AHEAD + 1):
        yield now.date() + ahead * _DAY


def days_ahead(days: frozenset[date], now: datetime) -> int:
    """Return how many days after today have a partition, up to the first that has none."""
    ahead = 0
    while now.date() + (ahead + 1) * _DAY in days:
        ahead += 1
    return ahead
