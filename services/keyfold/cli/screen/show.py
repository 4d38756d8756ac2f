"""Printing what a command answers: as lines on a terminal, or as JSON."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text

from keyfold.cli.screen.layout import Room, lay_out
from keyfold.cli.screen.shown import Chronicle, Details, Line, Listing, Shown, Written
from keyfold.cli.screen.streams import AS_JSON, make_encodable


class Terminal(Console):
    """Standard output; the terminal itself breaks a line that is too long, so that it is copied as one."""

    def __init__(self) -> None:
        super().__init__(soft_wrap=True, highlight=False, markup=False, emoji=False)

    def on_broken_pipe(self) -> None:
        """Raise the BrokenPipeError, which `tolerate_closed_pipe` handles."""
        raise

    def write(self, lines: Sequence[Text]) -> None:
        """Print lines."""
        for line in lines:
            self.print(line)


def show(shown: Shown, *, as_json: bool = False, wide: bool = False) -> None:
    """Print what a command answers: as JSON if asked for or if standard output is not a terminal.

    ``wide`` prints as on a terminal without a limit of width, wherever it goes.
    """
    if isinstance(shown, Written):
        return
    if isinstance(shown, Line):
        sys.stdout.write(shown.text + "\n")
    elif as_json or not (wide or sys.stdout.isatty()):
        write_json(_document(shown), option=orjson.OPT_INDENT_2)
    else:
        Terminal().write(lay_out(shown, room(wide=wide)))
    for warning in shown.warnings if isinstance(shown, Listing | Details) else ():
        sys.stderr.write(f"Warning: {printable(warning)}\n")


def room(*, wide: bool = False) -> Room:
    """Return the room on standard output."""
    return Room(
        columns=None if wide else shutil.get_terminal_size().columns, encoding=sys.stdout.encoding or "utf-8"
    )


def write_json(document: object, *, option: int = 0) -> None:
    """Write JSON, in one line unless an option says otherwise, escaped for the stream's encoding."""
    text = orjson.dumps(document, option=option).decode()
    sys.stdout.write(make_encodable(text, sys.stdout.encoding or "utf-8", AS_JSON) + "\n")


def printable(text: str) -> str:
    """Return prose for standard error, escaped so that it cannot steer the terminal."""
    return Room(columns=None).text(text, prose=True)


def _document(shown: Listing | Details | Chronicle) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
    if isinstance(shown, Details):
        return shown.item
    if isinstance(shown, Listing) and shown.item is not None:
        return shown.item
    return shown.items
