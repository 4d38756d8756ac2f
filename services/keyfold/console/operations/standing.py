"""How each service stands: ready or why not, how far it has come, and how far it is behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import orjson

from keyfold.console.upstream.failures import Away
from keyfold.console.upstream.services import Services
from keyfold.runtime.standings import MEASURES, Progress, progress, why_not_ready

SERVICES: Final = tuple(MEASURES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A service: its state in a word, and why not if it is not ready; nothing more is known of one away."""

    service: str
    state: str
    why: str = ""
    progress: Progress | None = None


async def standings(services: Services) -> Sequence[Standing]:
    """Return how each service stands that the console has an address of, the others as not known."""
    return await asyncio.gather(*(_standing(services, each) for each in SERVICES))


async def _standing(services: Services, service: str) -> Standing:
    if service not in services.urls:
        return Standing(service=service, state="unknown", why="this console has no address of it")
    try:
        (status, readiness), (_, exposition) = await asyncio.gather(
            services.look(service, "/readyz"), services.look(service, "/metrics")
        )
        found = progress(service, exposition.decode())
        if status == HTTPStatus.OK:
            return Standing(service=service, state="ready", progress=found)
        why = why_not_ready(orjson.loads(readiness))
        return Standing(service=service, state="behind", why=why, progress=found)
    except Away:
        return Standing(service=service, state="away", why="it does not answer")
    except ValueError:
        return Standing(service=service, state="unknown", why="its answer is not what was expected")
