"""`keyfold up`, as typed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from libs.runtime.failure import StopProcess, TryLater
from libs.runtime.settings import BadSettings, load
from services.cli.command import EXIT_FAILED, EXIT_USAGE
from services.cli.failure import CommandFailed
from services.cli.local.extra import CannotRunHere
from services.cli.local.process import ChildFailed
from services.cli.local.stack_ports import FIRST_PORT, OFFSETS, WantedPorts
from services.cli.places import STATE_DIR_NAME, state_dir_of
from services.cli.settings import FIRST_PORT_MAX, CommandSettings, variable

FAILURES = (BadSettings, CannotRunHere, ChildFailed, CommandFailed, StopProcess, TryLater)

Directory = Annotated[Path, typer.Option("--dir", help="Where all data of the stack is kept.")]
GatewayPort = Annotated[
    int | None,
    typer.Option("--gateway-port", min=1, max=65535, help="The gateway's port; default: the first port."),
]
FirstPort = Annotated[
    int | None,
    typer.Option(
        "--first-port",
        min=1,
        max=FIRST_PORT_MAX,
        help=f"The first of the {len(OFFSETS)} ports to listen on; a free one instead of any that is taken. "
        f"Default: {variable('first_port')}, those of the last time, or else from {FIRST_PORT}.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("up")(_up)


def _up(
    directory: Directory = Path(STATE_DIR_NAME),
    gateway_port: GatewayPort = None,
    first_port: FirstPort = None,
) -> None:
    """Run everything here, for trying out: PostgreSQL, Kafka, all services, a sample API behind Caddy."""
    # Only here, because every other command would wait for the drivers to load and has no use for them.
    from services.cli.local.up import Options, up

    console = Console()
    try:
        ports = WantedPorts(first=first_port or load(CommandSettings).first_port, gateway=gateway_port)
        asyncio.run(up(Options(directory=state_dir_of(directory), ports=ports), console))
    except FAILURES as failure:
        Console(stderr=True).print(
            f"keyfold up: {failure}", style="red", highlight=False, markup=False, soft_wrap=True
        )
        raise typer.Exit(EXIT_USAGE if isinstance(failure, BadSettings) else EXIT_FAILED) from None
