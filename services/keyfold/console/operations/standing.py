"""The state of each service: ready or why not, how far it has come, and how far it is behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import orjson

from keyfold.console.upstream.failures import Away
from keyfold.console.upstream.services import Services
from keyfold.runtime.standings import MEASURES, ServiceProgress, progress, why_not_ready

SERVICES: Final = tuple(MEASURES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStanding:
    """A service's state in a word, and why it is not ready; of one that is away nothing more is known."""

    service: str
    state: str
    why: str = ""
    progress: ServiceProgress | None = None


async def standings(services: Services) -> Sequence[ServiceStanding]:
    """Return the state of each service that the console has an address of, the others as not known."""
    return await asyncio.gather(*(_standing(services, each) for each in SERVICES))


async def _standing(services: Services, service: str) -> ServiceStanding:
    if service not in services.urls:
        return ServiceStanding(service=service, state="unknown", why="this console has no address of it")
    try:
        (status, readiness), (_, exposition) = await asyncio.gather(
            services.look(service, "/readyz"), services.look(service, "/metrics")
        )
        found = progress(service, exposition.decode())
        if status == HTTPStatus.OK:
            return ServiceStanding(service=service, state="ready", progress=found)
        why = why_not_ready(orjson.loads(readiness))
        return ServiceStanding(service=service, state="behind", why=why, progress=found)
    except Away:
        return ServiceStanding(service=service, state="away", why="it does not answer")
    except ValueError:
        return ServiceStanding(service=service, state="unknown", why="its answer is not what was expected")
