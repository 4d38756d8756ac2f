"""The question in an address, and endpoints of paths."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from keyfold.console.activity.asked import KEPT, ActivityQuestion
from keyfold.console.activity.sums import endpoint

NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)
SYDNEY = ZoneInfo("Australia/Sydney")


def test_day() -> None:
    """A day is the reader's own, and has 23 hours when clocks go forward."""
    asked = ActivityQuestion.of({"day": "2026-10-04"}, NOW, SYDNEY)
    assert asked.since == datetime(2026, 10, 3, 14, tzinfo=UTC)
    assert asked.until == asked.since + timedelta(hours=23)
    assert (asked.day, asked.too_far) == ("2026-10-04", False)


@pytest.mark.parametrize(
    "query", [{"day": "2020-01-01"}, {"range": "365d"}, {"range": "7d", "day": "1999-12-31"}]
)
def test_beyond_what_is_kept(query: dict[str, str]) -> None:
    """A range before all that is kept becomes all that is kept, never a range that ends before it begins."""
    asked = ActivityQuestion.of(query, NOW, SYDNEY)
    assert (asked.range, asked.day, asked.until, asked.too_far) == ("90d", "", None, True)
    assert NOW - asked.since < KEPT


@pytest.mark.parametrize(
    "query",
    [
        {"day": "yesterday"},
        {"day": "9999-12-31x"},
        {"day": "2026-13-01"},
        {"range": "week"},
        {"range": "8d "},
        {"chart": "pie"},
        {"range": "x" * 40, "day": "y" * 40},
    ],
)
def test_not_understood(query: dict[str, str]) -> None:
    """What nobody can read is left out, and the page says so."""
    asked = ActivityQuestion.of(query, NOW, ZoneInfo("UTC"))
    assert (asked.range, asked.day, asked.chart, asked.too_far) == ("7d", "", "decision", False)
    assert set(asked.not_understood) == {f"{name}={value}" for name, value in query.items()}


@pytest.mark.parametrize("query", [{}, {"day": ""}, {"day": "2026-10-04"}, {"range": "365d"}])
def test_understood(query: dict[str, str]) -> None:
    """There is nothing to say of what can be read, even if it is more than is kept."""
    assert ActivityQuestion.of(query, NOW, SYDNEY).not_understood == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/v1/patient/7", "/v1/patient/…"),
        ("/v1/patient/7/note/ab12?x=1", "/v1/patient/…/note/…"),
        ("/v12/patient", "/v12/patient"),
        ("/", "/"),
    ],
)
def test_endpoint(path: str, said: str) -> None:
    """Ids in a path are left out; a version stays."""
    assert endpoint(path) == said
