"""`keyfold up`, as typed."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from libs.runtime.failure import StopProcess, TryLater
from services.cli.failure import CommandFailed
from services.cli.local.extra import ExtraMissing
from services.cli.local.process import ChildFailed
from services.cli.local.state import DirectoryInUse
from services.cli.places import STATE_DIR_NAME, state_dir_of

FAILURES = (ChildFailed, CommandFailed, DirectoryInUse, ExtraMissing, StopProcess, TryLater)

Directory = Annotated[Path, typer.Option("--dir", help="Where all data of the stack is kept.")]
GatewayPort = Annotated[
    int | None,
    typer.Option("--gateway-port", min=1, max=65535, help="The gateway's port; default: a free one."),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("up")(_up)


def _up(directory: Directory = Path(STATE_DIR_NAME), gateway_port: GatewayPort = None) -> None:
    """Run everything here, for trying out: PostgreSQL, Kafka, all services, a sample API behind Caddy."""
    # Only here, because every other command would wait for the drivers to load and has no use for them.
    from services.cli.local.up import Options, up

    logging.getLogger().addHandler(logging.NullHandler())  # clients grumble while servers come and go
    console = Console()
    try:
        asyncio.run(up(Options(directory=state_dir_of(directory), gateway_port=gateway_port), console))
    except FAILURES as failure:
        Console(stderr=True).print(
            f"keyfold up: {failure}", style="red", highlight=False, markup=False, soft_wrap=True
        )
        raise typer.Exit(1) from None
