"""The operators' page in words: what is whole, what is not, and what is not known."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from keyfold.console import words
from keyfold.console.operations.completeness import Completeness
from keyfold.runtime.standings import MEASURES, progress, why_not_ready

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _hour(**given: Any) -> dict[str, Any]:
    known = {"expected": 10, "filed": 10, "missing": 0, "extra": 0, "unknown_after": None, "caught_up": True}
    return {"gatekeeper": "run", **known, **given}


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([], ["Gatekeepers logged nothing in the last 24 hours, as far as is known."]),
        ([_hour()], ["Gatekeepers numbered 10 events; each is in the log once."]),
        (
            [_hour(missing=3), _hour(missing=2, caught_up=False)],
            ["Gatekeepers numbered 20 events. 5 are not in the log. 2 of them may yet come."],
        ),
        ([_hour(extra=1)], ["Gatekeepers numbered 10 events. The log has 1 row too many."]),
    ],
)
def test_completeness_in_words(items: list[dict[str, Any]], said: list[str]) -> None:
    """A log is called whole only if nothing is missing and nothing is there twice."""
    assert Completeness.of(items).sentences() == said


def test_what_nobody_knows_is_said() -> None:
    """A run whose last number may not be its last is reported, however whole the rest is."""
    said = Completeness.of([_hour(unknown_after=10)]).sentences()
    assert said[0].endswith("each is in the log once.")
    assert said[1].startswith("Whether 1 gatekeeper process logged more is not known")


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(seconds=1), "1 second"),
        (timedelta(minutes=59, seconds=59), "59 minutes"),
        (timedelta(hours=3), "3 hours"),
        (timedelta(days=2), "2 days"),
        (-timedelta(hours=1), "0 seconds"),
    ],
)
def test_an_age_is_said_in_its_largest_unit(ago: timedelta, said: str) -> None:
    """A checkpoint's age is read at a glance; one from a clock ahead of ours has no age."""
    assert words.age(NOW, (NOW - ago).isoformat()) == said


def test_every_service_tells_how_far_it_is() -> None:
    """A service's metrics give its position and lag, the worst of several; without them they are unknown."""
    text = (
        "keyfold_relay_position 7.0\n"
        'keyfold_audit_lag_records{partition="0"} 2.0\nkeyfold_audit_lag_records{partition="1"} 5.0\n'
    )
    assert progress("relay", text).position == 7
    audit = progress("audit", text)
    assert (audit.lag, audit.lag_unit) == (5, "records")
    assert all(progress(service, "").position is None for service in MEASURES)
    assert why_not_ready({"reasons": {"kafka": "no broker", "head": "behind"}}) == "no broker; behind"
    assert why_not_ready({}) == "not ready"
