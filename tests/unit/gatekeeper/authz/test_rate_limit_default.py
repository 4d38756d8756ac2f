"""The rate limit that an operator sets for the keys that have none of their own."""

from pathlib import Path

import pytest

from keyfold.domain.rate_limit import RateLimit
from keyfold.gatekeeper.settings import GatekeeperSettings
from keyfold.runtime.settings.base import BadSettings, load
from tests.support.settings.services import good


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Set what every gatekeeper needs."""
    for name, value in good(tmp_path).items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("text", "limit"),
    [("", None), ("100/60", RateLimit.of(100, 60)), ("100/60:200", RateLimit.of(100, 60, 200))],
)
def test_a_default_is_read(text: str, limit: RateLimit | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is written for a key; empty for none."""
    monkeypatch.setenv("KEYFOLD_RATE_LIMIT_DEFAULT", text)
    assert load(GatekeeperSettings).default_rate_limit == limit


def test_there_is_none_unless_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform that says nothing limits nobody."""
    monkeypatch.delenv("KEYFOLD_RATE_LIMIT_DEFAULT", raising=False)
    assert load(GatekeeperSettings).default_rate_limit is None


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("100", "it is no rate limit such as 100/60 or 100/60:200"),
        ("many", "it is no rate limit such as 100/60 or 100/60:200"),
        ("0/60", "`requests` of a rate limit is a whole number from 1 to 1000000"),
        ("100/86401", "`per_s` of a rate limit is a whole number from 1 to 86400"),
        ("100/60:0", "`burst` of a rate limit is a whole number from 1 to 1000000"),
    ],
)
def test_what_is_no_limit_stops_the_start(text: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told by the name of the variable, with what is wrong and what would be right."""
    monkeypatch.setenv("KEYFOLD_RATE_LIMIT_DEFAULT", text)
    with pytest.raises(BadSettings) as refused:
        load(GatekeeperSettings)
    [fault] = refused.value.faults
    assert fault.variable == "KEYFOLD_RATE_LIMIT_DEFAULT"
    assert fault.wrong.startswith(wrong)
    assert "such as 100/60 or 100/60:200, or empty for any number" in fault.right
