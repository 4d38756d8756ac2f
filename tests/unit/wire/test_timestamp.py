"""Times as text: one form, in UTC, to the microsecond."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from keyfold.wire.timestamp import format_time, parse_time


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 1, 31, 23, 59, 59, 1, tzinfo=UTC), "2026-01-31T23:59:59.000001Z"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00.000000Z"),
        (datetime(33, 4, 3, tzinfo=UTC), "0033-04-03T00:00:00.000000Z"),
        (datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2025-12-31T22:00:00.000000Z"),
    ],
)
def test_a_time_is_written_in_utc_with_microseconds(at: datetime, text: str) -> None:
    """Every time has the same length, and reads back as the same instant, in UTC."""
    assert format_time(at) == text
    assert parse_time(text) == at
    assert parse_time(text).tzinfo is UTC


def test_a_time_without_a_zone_is_not_written() -> None:
    """A naive time names no instant, and is never taken for the host's own."""
    with pytest.raises(ValueError, match="zone"):
        format_time(datetime(2026, 1, 1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31",
        "2026-01-31T23:59:59Z",
        "2026-01-31T23:59:59.001Z",
        "2026-01-31T23:59:59.0000001Z",
        "2026-01-31T23:59:59.000001",
        "2026-01-31T23:59:59.000001z",
        "2026-01-31T23:59:59.000001+00:00",
        "2026-01-31 23:59:59.000001Z",
        "2026-01-31T23:59:59,000001Z",
        "2026-01-31T23:59:59.000001Z\n",
        " 2026-01-31T23:59:59.000001Z",
        "2026-02-29T00:00:00.000000Z",
        "2026-01-01T24:00:00.000000Z",
        "2026-01-01T23:59:60.000000Z",
        "0000-01-01T00:00:00.000000Z",
        "٢٠٢٦-01-01T00:00:00.000000Z",
        "12026-01-01T00:00:00.000000Z",
    ],
)
def test_any_other_form_is_no_time(text: str) -> None:
    """Only what is written is read: other precisions, zones and dates that never were are refused."""
    with pytest.raises(ValueError, match=r"no time|day is out|hour must|second must|year|Invalid"):
        parse_time(text)
