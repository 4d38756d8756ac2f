"""`keyfold status`: every service, whether it is ready, how far it has come and how far it is behind."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import typer
from prometheus_client.parser import text_string_to_metric_families

from services.cli.client import Client, JsonObject
from services.cli.command import command
from services.cli.failure import CommandFailed
from services.cli.keyfold import Keyfold
from services.cli.places import HTTP_SERVICES
from services.cli.screen import Listing, Tone, Toned

READY, AWAY = "ready", "away"
TONES: Final = {READY: Tone.GOOD, AWAY: Tone.BAD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The metrics that tell a service's position and lag; the lag's name ends in its unit."""

    position: str | None = None
    lag: str | None = None


MEASURES: Final[Mapping[str, Measures]] = {
    "registry": Measures(),
    "relay": Measures(position="keyfold_relay_position", lag="keyfold_relay_lag_events"),
    "projection": Measures(position="keyfold_projection_position", lag="keyfold_projection_lag_records"),
    "gatekeeper": Measures(position="keyfold_gatekeeper_position"),
    "shipper": Measures(lag="keyfold_shipper_oldest_unshipped_seconds"),
    "audit": Measures(lag="keyfold_audit_lag_records"),
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "status")(_status)


async def _status(keyfold: Keyfold) -> Listing:
    """Show every service: ready or why not, the position it has reached, and its lag."""
    asked = [service for service in HTTP_SERVICES if service in keyfold.places.urls]
    if not asked:
        keyfold.places.url("registry")  # says how to name one
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
    measures = MEASURES[service]
    try:
        readiness = await client.ask(service, "GET", "/readyz")
        samples = _samples(await client.text(service, "/metrics"))
        state = READY if readiness.status == HTTPStatus.OK else _why_not(readiness.body)
    except CommandFailed:
        state, samples = AWAY, {}
    return {
        "service": service,
        "state": state,
        "position": samples.get(measures.position or ""),
        "lag": samples.get(measures.lag or ""),
        "lag_unit": None if measures.lag is None else measures.lag.rpartition("_")[2],
    }


def _why_not(readiness: JsonObject) -> str:
    return "; ".join(str(reason) for reason in readiness.get("reasons", {}).values()) or "not ready"


def _samples(exposition: str) -> Mapping[str, int]:
    """Return the largest sample of each metric, rounded: of several partitions the worst counts."""
    families = text_string_to_metric_families(exposition)
    return {
        family.name: round(max(sample.value for sample in family.samples))
        for family in families
        if family.samples and family.name.startswith("keyfold_")
    }


def _text(value: int | None, unit: str | None = None) -> str:
    return "—" if value is None else f"{value} {unit or ''}".rstrip()
