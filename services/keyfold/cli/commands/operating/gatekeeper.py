"""`keyfold gatekeeper`: several gatekeeper processes of one host behind one port."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Final

import typer

from keyfold.cli.command import EXIT_FAILED, EXIT_USAGE
from keyfold.cli.process_group import run_until_one_ends
from keyfold.client.failure import CommandFailed, WrongUsage
from keyfold.client.settings import PORT_MAX, GatekeeperPorts
from keyfold.local.process.child import ProcessSpec
from keyfold.runtime.settings.base import BadSettings, load

PROCESSES_MAX: Final = 64
# The gatekeeper's own program runs: the command line imports none of it.
PROGRAM: Final = (sys.executable, "-m", "keyfold.gatekeeper")
SERVICE_PORT, SHARED_PORT, REUSE = "KEYFOLD_HTTP_PORT", "KEYFOLD_AUTHZ_PORT", "KEYFOLD_AUTHZ_REUSE_PORT"
# A program that is not done this long after its own bound never will be.
CLOSE_TIMEOUT_S: Final = 5.0

Processes = Annotated[
    int, typer.Option("--processes", min=1, max=PROCESSES_MAX, help="How many; one for each core is usual.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("gatekeeper")(_gatekeeper)


def _gatekeeper(processes: Processes = 1) -> None:
    """Run gatekeepers that share the port KEYFOLD_AUTHZ_PORT; each also has its own service port, from
    KEYFOLD_HTTP_PORT on. If one dies, all are stopped, and the exit status is 1."""
    try:
        asyncio.run(run_until_one_ends(commands(processes, load(GatekeeperPorts))))
    except BadSettings as bad:
        sys.stderr.write(f"keyfold gatekeeper cannot start; its settings are wrong:\n{bad}\n")
        raise typer.Exit(EXIT_USAGE) from None
    except CommandFailed as failed:
        sys.stderr.write(f"keyfold gatekeeper: {failed}\n")
        raise typer.Exit(EXIT_USAGE if isinstance(failed, WrongUsage) else EXIT_FAILED) from None


def commands(processes: int, said: GatekeeperPorts) -> list[ProcessSpec]:
    """Return the command of each process. Raises WrongUsage."""
    shared_port, first_port = said.authz_port, said.http_port
    if processes > 1 and not shared_port:
        raise WrongUsage(f"{SHARED_PORT} must name the one port that all of them answer gateways on.")
    if first_port and first_port + processes - 1 > PORT_MAX:
        raise WrongUsage(f"There are no {processes} ports from {SERVICE_PORT} on; take a lower one.")
    if shared_port and first_port <= shared_port < first_port + processes:
        raise WrongUsage(
            f"{SHARED_PORT} is one of the {processes} ports from {SERVICE_PORT} on; take another."
        )
    return [
        ProcessSpec(
            name=f"gatekeeper {number + 1} of {processes}",
            argv=PROGRAM,
            log_path=None,
            env={SERVICE_PORT: str(first_port and first_port + number), REUSE: "true"},
            stop_timeout_s=said.drain_timeout_s + CLOSE_TIMEOUT_S,
        )
        for number in range(processes)
    ]
