"""`keyfold replay`: a fresh read model from position 1, built beside the one that serves, then swapped in."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from typing import Final

import orjson
import typer

from keyfold.cli.command import EXIT_USAGE, command
from keyfold.cli.keyfold import Keyfold, say_target
from keyfold.cli.screen import Details
from keyfold.client.endpoints import KAFKA, POSTGRES, STATE_SECRET_NAME
from keyfold.client.failure import CommandFailed, WrongUsage
from keyfold.client.http import JsonObject
from keyfold.client.settings import variable
from keyfold.local.signing_keys import SEAL_KEY

# The projection's own program runs: it alone knows the tables, and the command line imports none of it.
PROGRAM: Final = (sys.executable, "-m", "keyfold.projection", "replay")
ERRORS_ALONE: Final = {variable("log_level"): "error", variable("log_format"): "json"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "replay")(_replay)


async def _replay(keyfold: Keyfold) -> Details:
    """Build a fresh read model from position 1, compare it, and swap it in while reads go on (operator)."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, stdout=PIPE, stderr=PIPE, env={**os.environ, **_settings(keyfold), **ERRORS_ALONE}
    )
    printed, logged = await process.communicate()
    if process.returncode == EXIT_USAGE:
        raise WrongUsage(f"Nothing was replayed. {logged.decode().strip()}")
    if process.returncode != 0:
        raise CommandFailed(f"The replay failed: {_reason(logged)}. The old read model serves on.")
    target = {"read_model": keyfold.endpoints.database_at(), "kafka": keyfold.endpoints.kafka_at()}
    report: JsonObject = {**target, **orjson.loads(printed)}
    return Details(lines={name: str(value) for name, value in report.items()}, item=report)


def _reason(logged: bytes) -> str:
    """Return why the replay failed: the error of its last log line, or all it wrote if that has none."""
    try:
        return str(orjson.loads(logged.splitlines()[-1])["error"])
    except (IndexError, KeyError, ValueError):
        return logged.decode(errors="replace").strip()


def _settings(keyfold: Keyfold) -> Mapping[str, str]:
    endpoints = keyfold.endpoints
    kafka = endpoints.kafka_as("projection")
    if kafka is None or endpoints.postgres_dsn is None:
        raise CommandFailed(f"Which read model? Set {variable(POSTGRES)} and {variable(KAFKA)}.")
    if endpoints.is_local(POSTGRES) != endpoints.is_local(KAFKA):
        # Else the read model would be made from another ledger's events.
        raise WrongUsage(
            f"A replay takes both from one place: set {variable(POSTGRES)} and {variable(KAFKA)}, or neither."
        )
    dsn = keyfold.database("read model", "projection")
    say_target(endpoints.kafka_at())
    given = {variable(POSTGRES): dsn, **{variable(name): each for name, each in kafka.settings().items()}}
    if endpoints.state_dir is not None and endpoints.is_local(POSTGRES):
        given[variable("state_secret")] = str(endpoints.state_dir / STATE_SECRET_NAME)
        given[variable("seal_public_keys")] = str(SEAL_KEY.public(endpoints.state_dir))
    return given
