"""The routes that every service has: probes, metrics and its OpenAPI document."""

import asyncio
from collections.abc import Sequence
from functools import cache

from keyfold.runtime import metrics
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.health import Health
from keyfold.runtime.http.models import JsonBody
from keyfold.runtime.http.openapi.document import document
from keyfold.runtime.http.route import Answer, AnyRoute, Request, Route
from keyfold.runtime.http.rules import Public


class Liveness(JsonBody):
    """The process answers."""

    alive: bool


class Readiness(JsonBody):
    """Whether the process can do its work, with each failing check's reason by its name.

    `facts` has what does not decide that, such as a gatekeeper's policy and since when it is in force.
    """

    ready: bool
    reasons: dict[str, str]
    facts: dict[str, str]


def standard_routes(health: Health) -> list[AnyRoute]:
    """Return the routes of the probes and of the metrics."""

    async def livez(_request: Request[None, None]) -> Answer:
        return Answer(body=Liveness(alive=True))

    async def readyz(_request: Request[None, None]) -> Answer:
        reasons = health.reasons()
        body = Readiness(ready=not reasons, reasons=reasons, facts=health.facts())
        return Answer(status=503 if reasons else 200, body=body)

    exposition = metrics.SharedExposition()

    async def metrics_text(_request: Request[None, None]) -> Answer:
        text = exposition.read(SYSTEM_CLOCK.monotonic_s)
        return Answer(body=text, content_type=metrics.CONTENT_TYPE)

    return [
        Route(
            method="GET",
            path="/livez",
            handler=livez,
            rule=Public(),
            summary="Whether the process answers.",
            answer=Liveness,
            quiet=True,
        ),
        Route(
            method="GET",
            path="/readyz",
            handler=readyz,
            rule=Public(),
            summary="Whether the process can do its work, or why not.",
            answer=Readiness,
            also_answers={503: Readiness},
            quiet=True,
        ),
        Route(
            method="GET",
            path="/metrics",
            handler=metrics_text,
            rule=Public(),
            summary="Its metrics, for Prometheus.",
            quiet=True,
        ),
    ]


def description(name: str, table: Sequence[AnyRoute]) -> AnyRoute:
    """Return the route that serves the OpenAPI document of the table and of itself.

    The document is built when it is first asked for, which takes a third of a second: in a thread, so that no
    other request waits.
    """

    @cache
    def build_document() -> dict[str, object]:
        return document(name, [*table, route])

    async def openapi(_request: Request[None, None]) -> Answer:
        return Answer(body=await asyncio.to_thread(build_document))

    route: AnyRoute = Route(
        method="GET",
        path="/openapi.json",
        handler=openapi,
        rule=Public(),
        summary="This description.",
        quiet=True,
    )
    return route
