"""What commands show to a person and to a program."""

from __future__ import annotations

import orjson
import pytest

from services.cli.screen import Details, Line, Listing, show, when
from tests.unit.cli.screens import seen

LISTING = Listing(
    columns=("name", "state"),
    rows=[("[red]Evil\x1b[2J", "active")],
    items=[{"name": "Evil", "state": "active"}],
    empty="Nothing.",
)
DETAILS = Details(lines={"secret": "s3"}, item={"secret": "s3"}, note="Hand it over now.")


def test_program(capsys: pytest.CaptureFixture[str]) -> None:
    """Away from a terminal a list is a JSON array, one thing is an object, and a line is itself."""
    for shown in (LISTING, DETAILS):
        show(shown, as_json=False)
        items = shown.items if isinstance(shown, Listing) else shown.item
        assert orjson.loads(capsys.readouterr().out) == items
    show(Line("token"), as_json=True)
    assert capsys.readouterr().out == "token\n"


def test_markup_is_text() -> None:
    """A name that looks like markup, or would steer the terminal, is shown as it is."""
    assert seen(LISTING) == ["name                state", "[red]Evil\\u001b[2J  active"]


def test_empty() -> None:
    """A list without anything says so in words."""
    assert seen(Listing(columns=("name",), rows=[], items=[], empty="Nothing.")) == ["Nothing."]


def test_note() -> None:
    """What a person must know follows what is shown."""
    assert seen(DETAILS) == ["secret  s3", "Hand it over now."]


@pytest.mark.parametrize(
    ("time", "said"), [("2026-01-31T08:09:10.123456Z", "2026-01-31 08:09:10Z"), (None, "—")]
)
def test_when(time: str | None, said: str) -> None:
    """A time is shown to the second, in UTC; none is a dash."""
    assert when(time) == said
