"""Which days the access log has."""

from __future__ import annotations

from datetime import UTC, date, datetime

from keyfold.audit.retention import days_ahead, days_to_have, oldest_day

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_partitions_reach_from_yesterday_a_week_ahead() -> None:
    """Nine days: yesterday for late events, today, and seven more."""
    days = list(days_to_have(NOON))
    assert (days[0], days[-1], len(days)) == (date(2026, 4, 30), date(2026, 5, 8), 9)


def test_the_day_that_is_ninety_days_back_is_kept() -> None:
    """A day goes only when its last moment is too old."""
    assert oldest_day(NOON) == date(2026, 1, 31)


def test_headroom_ends_at_the_first_gap() -> None:
    """Partitions after a missing one do not count."""
    days = frozenset({date(2026, 5, 1), date(2026, 5, 2), date(2026, 5, 4)})
    assert days_ahead(days, NOON) == 1
