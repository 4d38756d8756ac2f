"""Starts a gatekeeper."""

import socket

from libs.runtime import service
from libs.runtime.auth import open_bearer_tokens
from libs.runtime.http import build_app, serve_handler
from libs.store.leases import Holder
from services.gatekeeper.applied import Applied
from services.gatekeeper.authz import Authz
from services.gatekeeper.door import Door
from services.gatekeeper.journal import open_journal
from services.gatekeeper.lease import Lease
from services.gatekeeper.ledger_ear import hear
from services.gatekeeper.readiness import add_checks
from services.gatekeeper.rules import load_rules
from services.gatekeeper.settings import GatekeeperSettings
from services.gatekeeper.views import Views


async def start(process: service.Process[GatekeeperSettings]) -> None:
    """Answer gateways at once, with `stale` until the ledger is known."""
    settings, clock = process.settings, process.clock
    rules = load_rules(settings)
    run_id = clock.new_event_id()
    auth = await open_bearer_tokens(settings, clock=clock, timeout_s=settings.startup_timeout_s)
    applied, lease = Applied(), Lease(settings.staleness_max_s)
    journal = await process.enter(open_journal(settings, run_id))
    process.spawn("journal watch", journal.watch())
    holder = Holder(id=run_id, host=socket.gethostname(), lease_s=settings.staleness_max_s or None)
    process.spawn("ledger", hear(settings, holder, applied, lease, clock))
    add_checks(process.health, applied, lease, journal, clock)
    door, views = Door(Authz(rules, applied, lease, journal, clock)), Views(applied, lease, clock)
    app = build_app(
        "gatekeeper", (*door.routes(), *views.routes()), auth=auth, health=process.health, clock=clock
    )
    # Entered last, closed first: the lease outlives the last answer, and the journal outlives them both.
    await process.serve(app)
    if settings.authz_port is not None:
        await process.enter(
            serve_handler(
                door.handle,
                settings.http_host,
                settings.authz_port,
                drain_timeout_s=settings.drain_timeout_s,
            )
        )


if __name__ == "__main__":
    service.run("gatekeeper", GatekeeperSettings, start)
