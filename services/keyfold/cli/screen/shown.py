"""What commands show, independent of where it is shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, TypeAlias


class Ending(IntEnum):
    """How a command ended that shows something; the value is the process's exit status."""

    DONE = 0
    FAILED = 1
    UNCONFIRMED = 3


class Tone(StrEnum):
    """What a word means to a reader; the value is its colour, which adds nothing to the word."""

    GOOD = "green"
    DOUBTFUL = "yellow"
    BAD = "red"
    ASIDE = "dim"


@dataclass(frozen=True, slots=True)
class Toned:
    """A word with its tone."""

    text: str
    tone: Tone

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Bars:
    """Numbers over time, drawn as wide as the room allows."""

    numbers: Sequence[int]


Value: TypeAlias = str | Toned | Bars


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Many things: a row each on a terminal, a JSON array elsewhere. ``empty`` is shown if there is none.

    A value stays on one line, except in the columns named by ``prose``. If there is no room for all columns,
    those of ``gives_way`` are left out one by one, the first one first; if that is not enough, each thing
    becomes a block of lines with all of them. If the answer has more than its items, ``item`` is that object,
    and is shown instead of the array. ``note`` and ``warnings`` are as in Details.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]
    items: Sequence[Mapping[str, Any]]
    empty: str
    prose: Collection[str] = ()
    gives_way: Sequence[str] = ()
    item: Mapping[str, Any] | None = None
    note: str = ""
    warnings: Sequence[str] = ()
    ending: Ending = Ending.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """One thing: a line for each member on a terminal, a JSON object elsewhere.

    ``note`` follows on a terminal. ``warnings`` are lines on standard error, on a terminal or not.
    """

    lines: Mapping[str, Value]
    item: Mapping[str, Any]
    note: str = ""
    warnings: Sequence[str] = ()
    ending: Ending = Ending.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One thing that happened: a headline's parts, and lines of what it changed."""

    headline: Sequence[str]
    lines: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chronicle:
    """What happened: an entry each on a terminal, a JSON array elsewhere. ``empty`` is shown if none."""

    entries: Sequence[TimelineEntry]
    items: Sequence[Mapping[str, Any]]
    empty: str


@dataclass(frozen=True, slots=True)
class Line:
    """Plain text, the same everywhere, so that a shell's ``$(…)`` can use it."""

    text: str


@dataclass(frozen=True, slots=True)
class Written:
    """Nothing more to show: the command has written everything while it ran."""


Shown = Listing | Details | Chronicle | Line | Written
