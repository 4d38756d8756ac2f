"""How long the access log holds an event, and on which days it has partitions."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

KEPT: Final = timedelta(days=90)
_DAYS_AHEAD: Final = 7
_DAY: Final = timedelta(days=1)


def oldest_kept(now: datetime) -> datetime:
    """Return the time of the oldest event that anyone may still see."""
    return now - KEPT


def oldest_day(now: datetime) -> date:
    """Return the oldest day of which an event may still be kept; partitions before it are wholly too old."""
    return oldest_kept(now).date()


def days_to_have(now: datetime) -> Iterator[date]:
    """Yield yesterday, for what is on its way, today, and a week ahead."""
    for ahead in range(-1, _DAYS_AHEAD + 1):
        yield now.date() + ahead * _DAY


def days_ahead(days: frozenset[date], now: datetime) -> int:
    """Return how many days after today have a partition without a gap: the headroom if nothing makes more."""
    ahead = 0
    while now.date() + (ahead + 1) * _DAY in days:
        ahead += 1
    return ahead
