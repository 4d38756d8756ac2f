"""Every query of the log, on connections of their own, so that queries never keep ingest waiting."""

from dataclasses import replace
from functools import wraps
from typing import Any, Final

from keyfold.audit.query.activity import Activity
from keyfold.audit.query.completeness import CompletenessRoutes
from keyfold.audit.query.dead_letters import DeadLetters
from keyfold.audit.query.decisions import Decisions
from keyfold.audit.query.exporting import Exporting
from keyfold.audit.query.streaming import READS_AT_ONCE, Streaming
from keyfold.audit.query.summaries import Summaries
from keyfold.audit.query.tenant_names import TenantNames
from keyfold.audit.settings import AuditSettings
from keyfold.runtime.http import AnyRoute, Reply, Request
from keyfold.runtime.service import Process
from keyfold.runtime.sharing.turns import Turns
from keyfold.store.access_log.arrivals import CHANNEL
from keyfold.store.access_log.completeness.sealed_sums import LogSeal
from keyfold.store.postgres.connection import open_pool
from keyfold.store.postgres.notifications import Notifications
from keyfold.wire.topics import ACCESS

QUERIES_AT_ONCE: Final = 8
"""How many queries run at once, of all tenants: fewer than there are connections to PostgreSQL."""


async def open_query_routes(process: Process[AuditSettings]) -> tuple[AnyRoute, ...]:
    """Return the routes of all queries; the process closes their connections at its end."""
    settings, clock = process.settings, process.clock
    dsn = settings.postgres_dsn.get_secret_value()
    pool = await process.enter(open_pool(dsn, application_name="audit asking"))
    notifications = await process.enter(Notifications(dsn, CHANNEL))
    names = TenantNames(pool)
    of_streams = await process.enter(
        open_pool(dsn, application_name="audit streams", size_max=READS_AT_ONCE + 2)
    )
    exporting = Exporting(
        dsn,
        names,
        clock,
        exports_max=settings.audit_exports_max,
        time_max_s=settings.audit_export_time_max_s,
    )
    streaming = Streaming(
        of_streams,
        TenantNames(of_streams),
        notifications,
        clock,
        streams_max=settings.audit_streams_max,
        heartbeat_s=settings.audit_stream_heartbeat_s,
    )
    turns = Turns("queries", QUERIES_AT_ONCE)
    whole = (
        Summaries(pool, clock),
        Decisions(pool, names, clock),
        DeadLetters(settings.kafka),
        CompletenessRoutes(pool, clock, ACCESS.name, LogSeal(settings.audit_secret_bytes)),
    )
    in_turn = [take_turns(route, turns) for each in whole for route in each.routes()]
    activity = Activity(pool, names, clock, turns)  # it gives way between its statements
    return (*activity.routes(), *exporting.routes(), *streaming.routes(), *in_turn)


def take_turns(route: AnyRoute, turns: Turns) -> AnyRoute:
    """Return a route whose requests wait for their caller's turn."""
    answer = route.handler

    @wraps(answer)
    async def handle(request: Request[Any, Any]) -> Reply:
        async with turns.take(request.caller.tenant):
            return await answer(request)

    return replace(route, handler=handle)
