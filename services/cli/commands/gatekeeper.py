"""`keyfold gatekeeper`: several gatekeeper processes of one host behind one port."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Annotated, Final

import typer

from services.cli.command import EXIT_FAILED, EXIT_USAGE
from services.cli.failure import CommandFailed, WrongUsage
from services.cli.local.process import Command
from services.cli.together import run_together

PROCESSES_MAX: Final = 64
# The gatekeeper's own program does it: the command line is none of its parts.
PROGRAM: Final = (sys.executable, "-m", "services.gatekeeper")
SERVICE_PORT, SHARED_PORT = "KEYFOLD_HTTP_PORT", "KEYFOLD_AUTHZ_PORT"
REUSE, DRAIN_TIMEOUT_S = "KEYFOLD_AUTHZ_REUSE_PORT", "KEYFOLD_DRAIN_TIMEOUT_S"
# What the program leaves undone this long after its own bound, it will not do any more.
CLOSE_TIMEOUT_S: Final = 5.0

Processes = Annotated[
    int, typer.Option("--processes", min=1, max=PROCESSES_MAX, help="How many; one for each core is usual.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("gatekeeper")(_gatekeeper)


def _gatekeeper(processes: Processes = 1) -> None:
    """Run gatekeepers that share the port KEYFOLD_AUTHZ_PORT; each has a service port of its own too, from
    KEYFOLD_HTTP_PORT on. If one dies, all are stopped, and the status is 1."""
    try:
        asyncio.run(run_together(commands(processes, os.environ)))
    except CommandFailed as failed:
        sys.stderr.write(f"keyfold gatekeeper: {failed}\n")
        raise typer.Exit(EXIT_USAGE if isinstance(failed, WrongUsage) else EXIT_FAILED) from None


def commands(processes: int, environment: Mapping[str, str]) -> list[Command]:
    """Return how each process is started, as its environment has it. Raises WrongUsage."""
    shared_port = _number(environment, SHARED_PORT, "0")
    first_port = _number(environment, SERVICE_PORT, "8080")
    drain_timeout_s = _number(environment, DRAIN_TIMEOUT_S, "5")
    if processes > 1 and not shared_port:
        raise WrongUsage(f"{SHARED_PORT} must name the one port that all of them answer gateways on.")
    if first_port <= shared_port < first_port + processes:
        raise WrongUsage(
            f"{SHARED_PORT} is one of the {processes} ports from {SERVICE_PORT} on; take another."
        )
    return [
        Command(
            name=f"gatekeeper {number + 1} of {processes}",
            argv=PROGRAM,
            log_path=None,
            env={SERVICE_PORT: f"{first_port and first_port + number:g}", REUSE: "true"},
            stop_timeout_s=drain_timeout_s + CLOSE_TIMEOUT_S,
        )
        for number in range(processes)
    ]


def _number(environment: Mapping[str, str], name: str, default: str) -> float:
    try:
        return float(environment.get(name, default))
    except ValueError:
        raise WrongUsage(f"{name} must be a number.") from None
