"""Everything that may be asked of the log, with connections of its own, lest asking keep filing waiting."""

from libs.runtime.http import AnyRoute
from libs.runtime.service import Process
from libs.store.access_log_arrivals import CHANNEL
from libs.store.connection import open_pool
from libs.store.notifications import Notifications
from libs.wire.topics import ACCESS
from services.audit.accounting import Accounting
from services.audit.activity import Activity
from services.audit.dead_letters import DeadLetters
from services.audit.decisions import Decisions
from services.audit.exporting import Exporting
from services.audit.naming import Naming
from services.audit.settings import AuditSettings
from services.audit.streaming import Streaming
from services.audit.summing import Summing


async def open_asking(process: Process[AuditSettings]) -> tuple[AnyRoute, ...]:
    """Return the routes of all questions."""
    settings, clock = process.settings, process.clock
    dsn = settings.postgres_dsn.get_secret_value()
    pool = await process.enter(open_pool(dsn, application_name="audit asking"))
    notifications = await process.enter(Notifications(dsn, CHANNEL))
    naming = Naming(pool)
    exporting = Exporting(
        dsn,
        naming,
        clock,
        exports_max=settings.audit_exports_max,
        time_max_s=settings.audit_export_time_max_s,
    )
    streaming = Streaming(
        pool,
        naming,
        notifications,
        clock,
        streams_max=settings.audit_streams_max,
        heartbeat_s=settings.audit_stream_heartbeat_s,
    )
    accounting = Accounting(pool, clock, ACCESS.name)
    asked = (
        Activity(pool, naming, clock),
        exporting,
        streaming,
        Summing(pool, clock),
        Decisions(pool, naming, clock),
        DeadLetters(settings.kafka_bootstrap),
        accounting,
    )
    return tuple(route for each in asked for route in each.routes())
