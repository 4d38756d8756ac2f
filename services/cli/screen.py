"""What a command shows: a table to a person, JSON to a program."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import orjson
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from libs.domain.decision import Reason

TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ")
WHOLE_CHARACTERS_MAX: Final = 32
CHANGES_PADDING: Final = (0, 0, 0, 4)
STYLES: Final[Mapping[str, str]] = {
    "allow": "green",
    "active": "green",
    "approved": "green",
    "passed": "green",
    "ready": "green",
    "yes": "green",
    "applied": "yellow",
    "suspended": "yellow",
    "unknown": "yellow",
    "expired": "yellow",
    "no": "yellow",
    "revoked": "red",
    "rejected": "red",
    "failed": "red",
    "away": "red",
    **dict.fromkeys(Reason, "red"),
}


class Ending(IntEnum):
    """How a command has ended that has something to show; the value is the process's exit status."""

    DONE = 0
    FAILED = 1
    UNCONFIRMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Many things: a row each on a terminal, a JSON array elsewhere. ``empty`` is said of none.

    Where the answer says more than its items, ``item`` is that object, and shown in the array's place.
    ``note`` and ``warnings`` are as those of Details.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    items: Sequence[Mapping[str, Any]]
    empty: str
    item: Mapping[str, Any] | None = None
    note: str = ""
    warnings: Sequence[str] = ()
    ending: Ending = Ending.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """One thing: a line a member on a terminal, a JSON object elsewhere. ``note`` follows on a terminal.

    Each of the ``warnings`` is a line on standard error, on a terminal or not.
    """

    lines: Mapping[str, str]
    item: Mapping[str, Any]
    note: str = ""
    warnings: Sequence[str] = ()
    ending: Ending = Ending.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened: a headline's parts, and lines of what it changed."""

    headline: Sequence[str]
    lines: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chronicle:
    """What happened: an entry each on a terminal, a JSON array elsewhere. ``empty`` is said of none."""

    entries: Sequence[Entry]
    items: Sequence[Mapping[str, Any]]
    empty: str


@dataclass(frozen=True, slots=True)
class Line:
    """Bare text, the same everywhere, so that a shell's ``$(…)`` can use it."""

    text: str


@dataclass(frozen=True, slots=True)
class Written:
    """Nothing more: the command has written what it shows while it ran."""


Shown = Listing | Details | Chronicle | Line | Written


def show(shown: Shown, *, as_json: bool) -> None:
    """Print what a command answers, as JSON where asked or where nobody looks at a terminal."""
    if isinstance(shown, Written):
        return
    if isinstance(shown, Line):
        sys.stdout.write(shown.text + "\n")
    elif as_json or not sys.stdout.isatty():
        sys.stdout.write(orjson.dumps(_document(shown), option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        Console().print(drawn(shown))
    for warning in shown.warnings if isinstance(shown, Listing | Details) else ():
        sys.stderr.write(f"Warning: {printable(warning)}\n")


def _document(shown: Listing | Details | Chronicle) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
    if isinstance(shown, Details):
        return shown.item
    if isinstance(shown, Listing) and shown.item is not None:
        return shown.item
    return shown.items


def drawn(shown: Listing | Details | Chronicle) -> RenderableType:
    """Return what a person sees of it."""
    if isinstance(shown, Chronicle):
        return Group(*map(_entry, shown.entries)) if shown.entries else Text(shown.empty)
    note = [Text(shown.note, style="bold")] if shown.note else []
    if isinstance(shown, Details):
        return Group(_details(shown), *note)
    return Group(_listing(shown) if shown.rows else Text(shown.empty), *note)


def _listing(listing: Listing) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column, *values in zip(listing.columns, *listing.rows, strict=True):
        # An id, a time or a reason is of use only whole: what gives way on a narrow terminal is prose.
        is_whole = all(len(value) <= WHOLE_CHARACTERS_MAX and _is_word(value) for value in values)
        table.add_column(column, overflow="fold", no_wrap=is_whole)
    for row in listing.rows:
        table.add_row(*(_cell(value) for value in row))
    return table


def _is_word(value: str) -> bool:
    return " " not in value or TIME.fullmatch(value) is not None


def _entry(entry: Entry) -> RenderableType:
    *circumstances, what = map(printable, entry.headline)
    headline = Text("  ".join((*circumstances, ""))).append(what, style="bold")
    # A padding holds also where a long line goes on in the next.
    return Group(headline, *(Padding(Text(printable(line)), CHANGES_PADDING) for line in entry.lines))


def _details(details: Details) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in details.lines.items():
        table.add_row(name, _cell(value))
    return table


def _cell(value: str) -> Text:
    # As text, never as markup: a name may hold brackets.
    return Text(printable(value), style=STYLES.get(value, ""))


def printable(value: str) -> str:
    """Return a text without control characters: they could steer the terminal."""
    return "".join(each if each.isprintable() else "�" for each in value)


def when(text: str | None) -> str:
    """Return a time of the API as a person reads it: UTC, to the second; a dash for none."""
    return "—" if text is None else text[:19].replace("T", " ") + "Z"


def yes_no(value: bool) -> str:
    """Say a switch in a word."""
    return "yes" if value else "no"
