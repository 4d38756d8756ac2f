"""`keyfold`, the command line: the local stack, the product by hand, and an operator's tools."""

from __future__ import annotations

import os
import re
import sys
from importlib.metadata import version
from typing import Annotated, Final

import typer

from keyfold.cli.commands import add_commands
from keyfold.cli.commands.up import register as register_up
from keyfold.cli.one_line import OneLine
from keyfold.cli.screen.streams import take_any_text, tolerate_closed_pipe
from keyfold.runtime import log as logs
from keyfold.runtime.collector import leave_modules

UNDECODED: Final = re.compile("[\udc80-\udcff]")

app = typer.Typer(
    name="keyfold",
    cls=OneLine,
    help="API keys as a fold over events.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks print local variables, and some of those are secrets
)


def _say_version(is_asked: bool) -> None:
    if is_asked:
        print(f"keyfold {version('keyfold')}")
        raise typer.Exit


@app.callback()
def _keyfold(
    _version: Annotated[
        bool, typer.Option("--version", "-V", callback=_say_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """API keys as a fold over events."""


register_up(app)
add_commands(app)


def main() -> None:
    """Run the command that the arguments name; it reports failures itself, and its logs are silent."""
    leave_modules()
    take_any_text()
    logs.configure(service="keyfold", level="critical")
    with tolerate_closed_pipe():
        _take_utf8()
        app()


def _take_utf8() -> None:
    sys.argv[1:] = [_utf8(given, f"Argument {n}") for n, given in enumerate(sys.argv[1:], 1)]


def _utf8(given: str, what: str) -> str:
    # What the locale could not decode, as under LANG=C, may still be UTF-8; else it cannot be sent.
    try:
        return os.fsencode(given).decode() if UNDECODED.search(given) else given
    except UnicodeDecodeError:
        sys.stderr.write(f"{what} is not UTF-8.\n")
        raise SystemExit(2) from None
