"""`keyfold`, the command line: the local stack, the product by hand, and an operator's tools."""

from __future__ import annotations

import typer

from libs.runtime import log as logs
from services.cli.commands import add_commands
from services.cli.up_command import register as register_up

app = typer.Typer(
    name="keyfold",
    help="API keys as a fold over events.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks print local variables, and some of those are secrets
)
register_up(app)
add_commands(app)


def main() -> None:
    """Run the command that the arguments name; what its parts log goes to standard error."""
    logs.configure(service="keyfold", level="warning")
    app()
