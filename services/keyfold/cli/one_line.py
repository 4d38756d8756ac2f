"""Wrong usage in one line, instead of typer's box, which is as wide as the terminal and cuts words."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from keyfold.cli.screen import printable


class OneLine(TyperGroup):
    """The commands; each fault in what was typed is one line on standard error, with exit status 2."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command that the arguments name, and exit."""
        given = (args, prog_name, complete_var, False, windows_expand_args)
        if not standalone_mode:
            return super().main(*given, **extra)
        try:
            status = super().main(*given, **extra)
        except typer.TyperException as wrong:
            _end(wrong)
        except typer.Abort:
            sys.exit(1)
        sys.exit(status if isinstance(status, int) else 0)


def _end(wrong: typer.TyperException) -> NoReturn:
    message = printable(" ".join(wrong.format_message().split()).replace("?.", "?"))
    said = re.sub(r"^Invalid value for '([^']*)': ", r"\1: ", message)
    context = getattr(wrong, "ctx", None)
    if said:  # else typer has printed the help
        hint = "" if context is None else f" See {context.command_path} --help."
        sys.stderr.write(f"{said if said.endswith(('.', '?')) else f'{said}.'}{hint}\n")
    sys.exit(wrong.exit_code)
