"""What commands show to a person and to a program."""

from __future__ import annotations

import orjson
import pytest

from keyfold.cli.screen import Details, Line, Listing, minute, show, when
from keyfold.cli.screen.lines import width_of
from tests.support.cli.screens import render_lines

LISTING = Listing(
    columns=("name", "state"),
    rows=[("[red]Evil\x1b[2J", "active")],
    items=[{"name": "Evil", "state": "active"}],
    empty="Nothing.",
)
DETAILS = Details(lines={"secret": "s3"}, item={"secret": "s3"}, note="Hand it over now.")


def test_program(capsys: pytest.CaptureFixture[str]) -> None:
    """Away from a terminal, a list is a JSON array, one thing is an object, and a line is plain text."""
    for shown in (LISTING, DETAILS):
        show(shown, as_json=False)
        items = shown.items if isinstance(shown, Listing) else shown.item
        assert orjson.loads(capsys.readouterr().out) == items
    show(Line("token"), as_json=True)
    assert capsys.readouterr().out == "token\n"


def test_markup_is_text() -> None:
    """A name that looks like markup, or would steer the terminal, is shown as it is."""
    assert render_lines(LISTING) == ["name                state", "[red]Evil\\u001b[2J  active"]


def test_empty() -> None:
    """A list without anything says so in words."""
    assert render_lines(Listing(columns=("name",), rows=[], items=[], empty="Nothing.")) == ["Nothing."]


def test_note() -> None:
    """What a person must know follows the rest."""
    assert render_lines(DETAILS) == ["secret  s3", "Hand it over now."]


@pytest.mark.parametrize(
    ("time", "said"), [("2026-01-31T08:09:10.123456Z", "2026-01-31 08:09:10Z"), (None, "—")]
)
def test_when(time: str | None, said: str) -> None:
    """A time is shown to the second, in UTC; none is a dash."""
    assert when(time) == said


def test_minute() -> None:
    """A time that is known to the minute is shown so."""
    assert minute("2026-01-31T08:09:00.000000Z") == "2026-01-31 08:09Z"
    assert minute(None) == "—"


EVENTS = Listing(
    columns=("position", "when", "name", "by"),
    rows=[("1", "2026-01-31 08:09:10Z", "A name of many words", "owner:olga")],
    items=[],
    empty="",
    prose=("name",),
    gives_way=("by", "position"),
)


@pytest.mark.parametrize(
    ("columns", "lines"),
    [
        (
            64,
            [
                "position  when                  name                  by",
                "1         2026-01-31 08:09:10Z  A name of many words  owner:olga",
            ],
        ),
        (
            54,
            [
                "position  when                  name        by",
                "1         2026-01-31 08:09:10Z  A name of   owner:olga",
                "                                many words",
            ],
        ),
        (
            53,
            [
                "position  when                  name",
                "1         2026-01-31 08:09:10Z  A name of many words",
                "Not shown at this width: by; --wide or --json has",
                "all.",
            ],
        ),
        (
            32,
            [
                "when                  name",
                "2026-01-31 08:09:10Z  A name of",
                "                      many words",
                "Not shown at this width: by,",
                "position; --wide or --json has",
                "all.",
            ],
        ),
        (
            31,
            [
                "position",
                "1",
                "when",
                "2026-01-31 08:09:10Z",
                "name",
                "A name of many words",
                "by",
                "owner:olga",
            ],
        ),
        (
            None,
            [
                "position  when                  name                  by",
                "1         2026-01-31 08:09:10Z  A name of many words  owner:olga",
            ],
        ),
    ],
)
def test_a_table_of_any_width(columns: int | None, lines: list[str]) -> None:
    """Prose wraps to the next line, then columns are left out in their order, then all becomes blocks."""
    assert render_lines(EVENTS, columns) == lines


def test_a_secret_stands_alone() -> None:
    """A word that fits only without its name goes below it; the terminal breaks one that never fits."""
    shown = Details(lines={"key": "key_1", "secret": "s" * 70}, item={})
    assert render_lines(shown, 80) == ["key     key_1", "secret  " + "s" * 70]
    assert render_lines(shown, 72) == ["key     key_1", "secret", "s" * 70]
    assert render_lines(shown, 60) == ["key     key_1", "secret", "s" * 70]


def test_a_wide_character_takes_two_columns() -> None:
    """Columns stay aligned, whatever is in them; emoji that may not be joined are counted separately."""
    rows = [("歯科 👩‍👩‍👧", "x"), ("Dr. Müller", "y"), ("می‌خواهم", "z")]
    shown = Listing(columns=("name", "after"), rows=rows, items=[], empty="")
    assert [width_of(line[:-1]) for line in render_lines(shown)[1:]] == [13, 13, 13]


@pytest.mark.parametrize("columns", range(20, 100))
def test_a_word_is_one_word(columns: int) -> None:
    """Only a word longer than any id is split, and a time counts as a word, despite its space."""
    told = "works until 2026-01-31 08:09:10Z for key_0123456789ABCDEFGHIJKLMNOP"
    table = Listing(columns=("told", "by"), rows=[(told, told)], items=[], empty="", prose=("told", "by"))
    for shown in (table, Details(lines={"told": told, "by": told}, item={})):
        text = "\n".join(render_lines(shown, columns))
        for word in ("2026-01-31 08:09:10Z", "key_0123456789ABCDEFGHIJKLMNOP", "works", "until"):
            assert text.count(word) == 2
