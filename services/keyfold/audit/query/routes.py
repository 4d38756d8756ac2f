"""Every query of the log, on connections of their own, so that queries never keep ingest waiting."""

from keyfold.audit.query.activity import Activity
from keyfold.audit.query.completeness import CompletenessRoutes
from keyfold.audit.query.dead_letters import DeadLetters
from keyfold.audit.query.decisions import Decisions
from keyfold.audit.query.exporting import Exporting
from keyfold.audit.query.streaming import Streaming
from keyfold.audit.query.summaries import Summaries
from keyfold.audit.query.tenant_names import TenantNames
from keyfold.audit.settings import AuditSettings
from keyfold.runtime.http import AnyRoute
from keyfold.runtime.service import Process
from keyfold.store.access_log.arrivals import CHANNEL
from keyfold.store.postgres.connection import open_pool
from keyfold.store.postgres.notifications import Notifications
from keyfold.wire.topics import ACCESS


async def open_query_routes(process: Process[AuditSettings]) -> tuple[AnyRoute, ...]:
    """Return the routes of all queries; the process closes their connections at its end."""
    settings, clock = process.settings, process.clock
    dsn = settings.postgres_dsn.get_secret_value()
    pool = await process.enter(open_pool(dsn, application_name="audit asking"))
    notifications = await process.enter(Notifications(dsn, CHANNEL))
    names = TenantNames(pool)
    exporting = Exporting(
        dsn,
        names,
        clock,
        exports_max=settings.audit_exports_max,
        time_max_s=settings.audit_export_time_max_s,
    )
    streaming = Streaming(
        pool,
        names,
        notifications,
        clock,
        streams_max=settings.audit_streams_max,
        heartbeat_s=settings.audit_stream_heartbeat_s,
    )
    queries = (
        Activity(pool, names, clock),
        exporting,
        streaming,
        Summaries(pool, clock),
        Decisions(pool, names, clock),
        DeadLetters(settings.kafka),
        CompletenessRoutes(pool, clock, ACCESS.name),
    )
    return tuple(route for each in queries for route in each.routes())
