"""Starts a gatekeeper."""

import socket

from libs.runtime.auth import open_bearer_tokens
from libs.runtime.http import RateLimits, build_app, serve_handler
from libs.runtime.service import Process, run
from libs.store.leases import Holder
from services.gatekeeper.authz import Authz
from services.gatekeeper.authz_endpoint import AuthzEndpoint
from services.gatekeeper.journal import open_journal
from services.gatekeeper.lease import Lease
from services.gatekeeper.policy import load_policy
from services.gatekeeper.readiness import add_checks
from services.gatekeeper.replica import Replica
from services.gatekeeper.replication import replicate
from services.gatekeeper.settings import GatekeeperSettings
from services.gatekeeper.views import Views

NAME = "gatekeeper"


async def start(process: Process[GatekeeperSettings]) -> None:
    """Answer gateways at once, with `stale` until the ledger is known."""
    settings, clock = process.settings, process.clock
    policy = load_policy(settings)
    run_id = clock.new_event_id()
    auth = await open_bearer_tokens(settings, clock=clock, timeout_s=settings.startup_timeout_s)
    replica, lease = Replica(), Lease(settings.staleness_max_s)
    journal = await process.enter(open_journal(settings, run_id))
    process.spawn("journal watch", journal.watch())
    holder = Holder(id=run_id, host=socket.gethostname(), lease_s=settings.staleness_max_s or None)
    process.spawn("replication", replicate(settings, holder, replica, lease, clock))
    add_checks(process.health, replica, lease, journal, clock)
    authz = AuthzEndpoint(Authz(policy, replica, lease, journal, clock))
    routes = (*authz.routes(), *Views(replica, lease, clock).routes())
    # Entered last, closed first: the lease outlives the last answer, and the journal outlives them both.
    limits = RateLimits.of(settings)
    app = build_app(NAME, routes, auth=auth, health=process.health, clock=clock, limits=limits)
    await process.serve(app)
    if settings.authz_port is not None:
        await process.enter(
            serve_handler(
                authz.handle,
                settings.http_host,
                settings.authz_port,
                drain_timeout_s=settings.drain_timeout_s,
            )
        )


if __name__ == "__main__":
    run(NAME, GatekeeperSettings, start)
