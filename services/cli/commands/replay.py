"""`keyfold replay`: a fresh read model from position 1, built beside the one that serves, then swapped in."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Final

import orjson
import typer

from services.cli.client import JsonObject
from services.cli.command import command
from services.cli.failure import CommandFailed
from services.cli.keyfold import Keyfold
from services.cli.screen import Details

# The projection's own program does it: it alone knows the tables, and the command line is none of its parts.
PROGRAM: Final = (sys.executable, "-m", "services.projection", "replay")


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "replay")(_replay)


async def _replay(keyfold: Keyfold) -> Details:
    """Build a fresh read model from position 1, compare it, and swap it in while reads go on (operator)."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, stdout=asyncio.subprocess.PIPE, env={**os.environ, **_settings(keyfold)}
    )
    printed, _ = await process.communicate()
    if process.returncode != 0:
        raise CommandFailed("The replay failed, as the log above says; the old read model serves on.")
    report: JsonObject = orjson.loads(printed)
    return Details(lines={name: str(value) for name, value in report.items()}, item=report)


def _settings(keyfold: Keyfold) -> Mapping[str, str]:
    places = keyfold.places
    dsn = places.postgres_of("projection")
    if dsn is None or places.kafka_bootstrap is None:
        raise CommandFailed("Which read model? Set KEYFOLD_POSTGRES_DSN and KEYFOLD_KAFKA_BOOTSTRAP.")
    return {
        "KEYFOLD_POSTGRES_DSN": dsn,
        "KEYFOLD_KAFKA_BOOTSTRAP": places.kafka_bootstrap,
    }
