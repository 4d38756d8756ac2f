"""`keyfold up`: the command."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from keyfold.cli.command import EXIT_FAILED, EXIT_USAGE
from keyfold.client.endpoints import STATE_DIR_NAME, state_dir_of
from keyfold.client.failure import CommandFailed
from keyfold.client.settings import FIRST_PORT_MAX, CommandSettings, variable
from keyfold.local.extra import CannotRunHere
from keyfold.local.process.child import ChildFailed
from keyfold.local.stack_ports import FIRST_PORT, OFFSETS, WantedPorts
from keyfold.runtime.failure import StopProcess, TryLater
from keyfold.runtime.settings.base import BadSettings, load

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
        help=f"The first of the {len(OFFSETS)} ports to listen on; a free one replaces any that is taken. "
        f"Default: {variable('first_port')}, else the ports of the last time, else from {FIRST_PORT}.",
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
    # Imported here, as every other command would wait for the drivers to load and has no use for them.
    from keyfold.local.up import Options, up

    console = Console()
    try:
        ports = WantedPorts(first=first_port or load(CommandSettings).first_port, gateway=gateway_port)
        asyncio.run(up(Options(directory=state_dir_of(directory), ports=ports), console))
    except FAILURES as failure:
        Console(stderr=True).print(
            f"keyfold up: {failure}", style="red", highlight=False, markup=False, soft_wrap=True
        )
        raise typer.Exit(EXIT_USAGE if isinstance(failure, BadSettings) else EXIT_FAILED) from None
