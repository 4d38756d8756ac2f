"""What a command shows: a table to a person, JSON to a program."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

STYLES: Final[Mapping[str, str]] = {
    "allow": "green",
    "active": "green",
    "approved": "green",
    "ready": "green",
    "yes": "green",
    "applied": "yellow",
    "suspended": "yellow",
    "expired": "yellow",
    "no": "yellow",
    "revoked": "red",
    "rejected": "red",
    "away": "red",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Many things: a row each on a terminal, a JSON array elsewhere. ``empty`` is said of none."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    items: Sequence[Mapping[str, Any]]
    empty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """One thing: a line a member on a terminal, a JSON object elsewhere. ``note`` follows on a terminal."""

    lines: Mapping[str, str]
    item: Mapping[str, Any]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """Bare text, the same everywhere, so that a shell's ``$(…)`` can use it."""

    text: str


Shown = Listing | Details | Line


def show(shown: Shown, *, as_json: bool) -> None:
    """Print what a command answers, as JSON where asked or where nobody looks at a terminal."""
    if isinstance(shown, Line):
        sys.stdout.write(shown.text + "\n")
    elif as_json or not sys.stdout.isatty():
        document = shown.items if isinstance(shown, Listing) else shown.item
        sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        Console().print(drawn(shown))


def drawn(shown: Listing | Details) -> RenderableType:
    """Return what a person sees of it."""
    if isinstance(shown, Details):
        note = [Text(shown.note, style="bold")] if shown.note else []
        return Group(_details(shown), *note)
    return _listing(shown) if shown.rows else Text(shown.empty)


def _listing(listing: Listing) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column, *values in zip(listing.columns, *listing.rows, strict=True):
        # An id, a time or a reason is of use only whole: what gives way on a narrow terminal is prose.
        is_whole = column == "when" or not any(" " in value for value in values)
        table.add_column(column, overflow="fold", no_wrap=is_whole)
    for row in listing.rows:
        table.add_row(*(_cell(value) for value in row))
    return table


def _details(details: Details) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in details.lines.items():
        table.add_row(name, _cell(value))
    return table


def _cell(value: str) -> Text:
    # As text, never as markup: a name may hold brackets. Control characters could steer the terminal.
    printable = "".join(each if each.isprintable() else "�" for each in value)
    return Text(printable, style=STYLES.get(value, ""))


def when(text: str | None) -> str:
    """Return a time of the API as a person reads it: UTC, to the second; a dash for none."""
    return "—" if text is None else text[:19].replace("T", " ") + "Z"


def yes_no(value: bool) -> str:
    """Say a switch in a word."""
    return "yes" if value else "no"
