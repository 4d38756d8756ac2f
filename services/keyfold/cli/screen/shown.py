"""What there is to show, whatever it is shown on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, TypeAlias


class Ending(IntEnum):
    """How a command has ended that has something to show; the value is the process's exit status."""

    DONE = 0
    FAILED = 1
    UNCONFIRMED = 3


class Tone(StrEnum):
    """What a word means to whoever reads it; the value is its colour, and the word says it too."""

    GOOD = "green"
    DOUBTFUL = "yellow"
    BAD = "red"
    ASIDE = "dim"


@dataclass(frozen=True, slots=True)
class Toned:
    """A word with its meaning."""

    text: str
    tone: Tone

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Bars:
    """Numbers over time, drawn as wide as there is room."""

    numbers: Sequence[int]


Value: TypeAlias = str | Toned | Bars


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Many things: a row each on a terminal, a JSON array elsewhere. ``empty`` is said of none.

    A value is whole on one line, but for those of the columns that are ``prose``. Where there is no room for
    all columns, those of ``gives_way`` are left out, the first one first; where that is not enough, each
    thing is a block of lines, with all of them. Where the answer says more than its items, ``item`` is that
    object, and shown in the array's place. ``note`` and ``warnings`` are as those of Details.
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
    """One thing: a line a member on a terminal, a JSON object elsewhere. ``note`` follows on a terminal.

    Each of the ``warnings`` is a line on standard error, on a terminal or not.
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
    """What happened: an entry each on a terminal, a JSON array elsewhere. ``empty`` is said of none."""

    entries: Sequence[TimelineEntry]
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
