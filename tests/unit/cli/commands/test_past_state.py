"""The past state, in words and as JSON."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from keyfold.cli.commands.ledger.past_state import Until, read_until
from keyfold.cli.commands.ledger.past_state_view import one, whole
from keyfold.client.failure import WrongUsage
from tests.support.cli.past import past
from tests.support.domain.given import (
    EARLIER,
    KEY,
    LATER,
    MOMENT,
    NOW,
)


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("1", Until(position=1)),
        ("1234", Until(position=1234)),
        ("2026-03-01T09:30:00Z", Until(at=NOW)),
        ("2026-03-01T09:30:00", Until(at=NOW)),
        ("1m", Until(at=NOW - timedelta(minutes=1))),
        ("2026-03-01T10:30:00+01:00", Until(at=NOW)),
        ("2026-03-01T09:30:00.000001Z", Until(at=NOW + MOMENT)),
    ],
)
def test_until(text: str, until: Until) -> None:
    """A point in the past is a position, or a time in any zone."""
    assert read_until(text, NOW) == until


@pytest.mark.parametrize("text", ["0", "-1", "soon", "", "1.5", "9" * 30, "0001-01-01T00:00+14:00"])
def test_no_point(text: str) -> None:
    """Text that names no point is refused."""
    with pytest.raises(WrongUsage, match="--at"):
        read_until(text, NOW)


def test_up_to_and_with() -> None:
    """An event at the position, or at that very time, is included; the next is not."""
    assert [Until(position=7).is_beyond(position, "") for position in (7, 8)] == [False, True]
    at = datetime(2026, 3, 1, 9, 30, 0, 1, tzinfo=UTC)
    times = ("2026-03-01T09:30:00.000001Z", "2026-03-01T09:30:00.000002Z")
    assert [Until(at=at).is_beyond(1, time) for time in times] == [False, True]


def test_whole() -> None:
    """On a terminal everything is counted by its state; as JSON all of it is there, but no digest."""
    shown = whole(past(NOW))

    assert dict(shown.lines) == {
        "position": "6",
        "at": "2026-03-01 09:30:00Z",
        "accounts": "1",
        "vendors": "1 (1 approved)",
        "subscriber keys": "3 (2 active, 1 revoked)",
        "vendor keys": "1 (1 active)",
    }
    text = orjson.dumps(shown.item).decode()
    assert "digest" not in text
    assert KEY.digest.hex() not in text


@pytest.mark.parametrize(
    ("at", "expiring", "old_secret"),
    [(EARLIER, "active", True), (LATER - MOMENT, "active", True), (LATER, "expired", False)],
)
def test_by_the_clock(at: datetime, expiring: str, old_secret: bool) -> None:
    """What time ends has ended at that time, whether or not an event says so."""
    kinds = ("subscriber key", "vendor key")
    expired, rotated = one(past(at), kinds, "key_e"), one(past(at), kinds, "key_r")

    assert expired is not None
    assert rotated is not None
    assert expired.item["state"] == expiring
    assert (rotated.item["old_secret_works_until"] is not None) is old_secret


@pytest.mark.parametrize(
    ("kinds", "wanted_id", "is_there"),
    [
        (("account",), "acc_1", True),
        (("vendor",), "ven_1", True),
        (("subscriber key", "vendor key"), "key_v", True),
        (("subscriber key", "vendor key"), "key_x", True),
        (("vendor",), "acc_1", False),
        (("account",), "acc_2", False),
    ],
)
def test_one(kinds: tuple[str, ...], wanted_id: str, is_there: bool) -> None:
    """One thing is found by its id among its kind; a thing that did not exist is not made up."""
    found = one(past(NOW), kinds, wanted_id)

    assert (found is not None) is is_there
    assert found is None or wanted_id in found.item.values()
