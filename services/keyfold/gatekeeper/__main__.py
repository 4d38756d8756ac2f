"""Starts a gatekeeper."""

import socket
from contextlib import AbstractAsyncContextManager
from functools import partial
from importlib.metadata import version

from keyfold.gatekeeper.authz.authorizer import Authz
from keyfold.gatekeeper.authz.denial_aggregation import open_denial_aggregation
from keyfold.gatekeeper.authz.endpoint import AuthzEndpoint
from keyfold.gatekeeper.authz.policy import load_policy
from keyfold.gatekeeper.authz.policy_in_force import PolicyInForce
from keyfold.gatekeeper.authz.rate_limiter import RateLimiter
from keyfold.gatekeeper.authz.server import AuthzServer, serve_gateways
from keyfold.gatekeeper.journal.announcements import open_run
from keyfold.gatekeeper.journal.writer import open_journal
from keyfold.gatekeeper.readiness import add_checks
from keyfold.gatekeeper.replica.lease import Lease
from keyfold.gatekeeper.replica.replication import replicate
from keyfold.gatekeeper.replica.state import Replica
from keyfold.gatekeeper.routes import query_routes
from keyfold.gatekeeper.settings import GatekeeperSettings
from keyfold.kafka.topic_watch import TopicWatch
from keyfold.runtime.authenticator import open_bearer_tokens
from keyfold.runtime.http import RateLimits, build_app
from keyfold.runtime.service import Process, run
from keyfold.store.enforcement.leases import Holder
from keyfold.store.ledger.logins import LoginBindings
from keyfold.store.postgres.connection import Pool, open_pool
from keyfold.wire.topics import LIFECYCLE

NAME = "gatekeeper"
TOPIC_WATCH_INTERVAL_S = 60.0  # each check holds up the loop that answers for a millisecond or two


async def start(process: Process[GatekeeperSettings]) -> None:
    """Answer gateways from the start, with `stale` until the ledger is known."""
    settings, clock, hangups = process.settings, process.clock, process.hangups()
    policy, host = load_policy(settings), socket.gethostname()
    run_id = clock.new_event_id()
    bindings = LoginBindings(await process.enter(_open_logins(settings)))
    auth = await open_bearer_tokens(settings, bindings, clock=clock, timeout_s=settings.startup_timeout_s)
    # No check of readiness: gateways show no token, and must be answered while the identity provider is away.
    process.spawn("token keys", auth.jwks.watch())
    replica, lease = Replica(), Lease(settings.staleness_max_s)
    journal = await process.enter(open_journal(settings, run_id, clock))
    process.spawn("journal watch", journal.watch())
    announcements = await process.enter(
        open_run(journal, policy, clock, version=version("keyfold"), host=host)
    )
    in_force = PolicyInForce(policy, clock, announce=announcements.announce, number=1)
    in_force.register_metrics()
    process.health.tell("policy", in_force.describe)
    aggregation = await process.enter(open_denial_aggregation(settings, journal, clock))
    process.spawn("denial aggregation", aggregation.watch())
    holder = Holder(
        id=run_id,
        host=host,
        lease_s=settings.staleness_max_s or None,
        public_key=announcements.public_key,
    )
    process.spawn(
        "replication", replicate(settings, holder, replica, lease, aggregation.read_journalled, clock)
    )
    # It only warns: if the topic loses an event, the hash chain shows it and requests are denied as `stale`.
    topics = TopicWatch(settings.kafka, (LIFECYCLE,), interval_s=TOPIC_WATCH_INTERVAL_S)
    process.spawn("topic watch", topics.watch())
    add_checks(process.health, replica, lease, journal, clock)
    limiter = RateLimiter(settings.default_rate_limit)
    authz = Authz(in_force, replica, lease, journal, limiter, clock, aggregation)
    authz.register_metrics()
    process.spawn("policy", in_force.watch(hangups, partial(load_policy, settings)))
    routes = (*AuthzEndpoint(authz).routes(), *query_routes(in_force, replica, lease, clock))
    # Entered last, closed first: the lease outlives the last answer, and the journal outlives them both.
    limits = RateLimits.of(settings)
    app = build_app(NAME, routes, auth=auth, health=process.health, clock=clock, limits=limits)
    await process.serve(app)
    if settings.authz_port is not None:
        server = AuthzServer(
            authz, clock, connections_max=process.connections_max[1], timeouts=settings.timeouts
        )
        process.spawn("authz server", server.watch())
        await process.enter(serve_gateways(server, settings, settings.authz_port))


def _open_logins(settings: GatekeeperSettings) -> AbstractAsyncContextManager[Pool]:
    """Return connections to look up the bindings of logins, opened when the first token needs one."""
    dsn = settings.postgres_dsn.get_secret_value()
    return open_pool(dsn, application_name="gatekeeper logins", size_max=2, connect_now=False)


if __name__ == "__main__":
    run(NAME, GatekeeperSettings, start)
