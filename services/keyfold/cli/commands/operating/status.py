"""`keyfold status`: every service, whether it is ready, how far it has come and how far it is behind."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from http import HTTPStatus
from typing import Final

import typer

from keyfold.cli.command import command
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Listing, Tone, Toned
from keyfold.client.endpoints import HTTP_SERVICES
from keyfold.client.failure import CommandFailed
from keyfold.client.http import Client, JsonObject
from keyfold.runtime.standings import progress, why_not_ready

READY, AWAY = "ready", "away"
TONES: Final = {READY: Tone.GOOD, AWAY: Tone.BAD}


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "status")(_status)


async def _status(keyfold: Keyfold) -> Listing:
    """Show every service: ready or why not, the position it has reached, and its lag."""
    asked = [service for service in HTTP_SERVICES if service in keyfold.endpoints.urls]
    if not asked:
        keyfold.endpoints.url("registry")  # raises, and says how to name one
    items = await asyncio.gather(*(_standing(keyfold.client, service) for service in asked))
    return Listing(
        columns=("service", "state", "position", "lag"),
        rows=[
            (
                item["service"],
                Toned(item["state"], TONES.get(item["state"], Tone.DOUBTFUL)),
                _text(item["position"]),
                _text(item["lag"], item["lag_unit"]),
            )
            for item in items
        ],
        items=items,
        empty="No service is known.",
        prose=("state",),
    )


async def _standing(client: Client, service: str) -> JsonObject:
    try:
        readiness = await client.ask(service, "GET", "/readyz")
        exposition = await client.text(service, "/metrics")
        state = READY if readiness.status == HTTPStatus.OK else why_not_ready(readiness.body)
    except CommandFailed:
        state, exposition = AWAY, ""
    return {"service": service, "state": state, **asdict(progress(service, exposition))}


def _text(value: int | None, unit: str | None = None) -> str:
    return "—" if value is None else f"{value} {unit or ''}".rstrip()
