"""How what a command answers gets out: as lines for a terminal, or as JSON."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text

from keyfold.cli.screen.layout import Room, laid_out
from keyfold.cli.screen.shown import Chronicle, Details, Line, Listing, Shown, Written
from keyfold.cli.screen.streams import AS_JSON, encodable


class Terminal(Console):
    """Standard output; a line that is longer than it is wide is its own to break, and is copied whole."""

    def __init__(self) -> None:
        super().__init__(soft_wrap=True, highlight=False, markup=False, emoji=False)

    def on_broken_pipe(self) -> None:
        """Leave it to whoever runs the command."""
        raise

    def write(self, lines: Sequence[Text]) -> None:
        """Write these lines."""
        for line in lines:
            self.print(line)


def show(shown: Shown, *, as_json: bool = False, wide: bool = False) -> None:
    """Print what a command answers, as JSON where asked or where nobody looks at a terminal.

    ``wide`` is for people, too: as on a terminal of any width, wherever it goes.
    """
    if isinstance(shown, Written):
        return
    if isinstance(shown, Line):
        sys.stdout.write(shown.text + "\n")
    elif as_json or not (wide or sys.stdout.isatty()):
        write_json(_document(shown), option=orjson.OPT_INDENT_2)
    else:
        Terminal().write(laid_out(shown, room(wide=wide)))
    for warning in shown.warnings if isinstance(shown, Listing | Details) else ():
        sys.stderr.write(f"Warning: {printable(warning)}\n")


def room(*, wide: bool = False) -> Room:
    """Return what standard output has room for."""
    return Room(
        columns=None if wide else shutil.get_terminal_size().columns, encoding=sys.stdout.encoding or "utf-8"
    )


def write_json(document: object, *, option: int = 0) -> None:
    """Write a line, or with an option lines, that are the same JSON in any encoding."""
    text = orjson.dumps(document, option=option).decode()
    sys.stdout.write(encodable(text, sys.stdout.encoding or "utf-8", AS_JSON) + "\n")


def printable(text: str) -> str:
    """Return prose for standard error that cannot steer the terminal."""
    return Room(columns=None).text(text, prose=True)


def _document(shown: Listing | Details | Chronicle) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
    if isinstance(shown, Details):
        return shown.item
    if isinstance(shown, Listing) and shown.item is not None:
        return shown.item
    return shown.items
