"""Replication: one task that keeps the replica at the ledger's head and proves so every second."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

import structlog

from keyfold.gatekeeper.replica.following import LedgerSource, follow
from keyfold.gatekeeper.replica.heartbeat import Heartbeat, withdraw_at_end
from keyfold.gatekeeper.replica.lease import Lease
from keyfold.gatekeeper.replica.state import Replica
from keyfold.gatekeeper.settings import GatekeeperSettings
from keyfold.kafka.lifecycle_reader import STUCK_HELP, LedgerUnreadable
from keyfold.runtime.clock import Clock
from keyfold.runtime.waiting import wait_for
from keyfold.store.enforcement.leases import Holder, Journalled, Leases
from keyfold.store.postgres.connection import open_pool
from keyfold.store.postgres.errors import UnfoldableEvent
from keyfold.store.postgres.migrations import require_migrations
from keyfold.store.read_model.snapshots import Snapshots
from keyfold.wire.proof.seal import load_trusted_keys
from keyfold.wire.proof.state_digest import StateSecret

log = structlog.get_logger(__name__)


async def replicate(
    settings: GatekeeperSettings,
    holder: Holder,
    replica: Replica,
    lease: Lease,
    read_journalled: Callable[[], Journalled],
    clock: Clock,
) -> None:
    """Follow the ledger and beat until cancelled, which must be after the last answer. Raises StopProcess.

    A sealed event that this code cannot fold does not end it: from then on nothing is allowed, nobody waits
    for it any more, and `replica.stuck` says why.
    """
    try:
        await _replicate(settings, holder, replica, lease, read_journalled, clock)
    except (LedgerUnreadable, UnfoldableEvent) as stuck:
        replica.stuck = f"{stuck}; see {STUCK_HELP}"
        log.error("folding_stuck", reason=str(stuck), do=STUCK_HELP)
        await asyncio.Event().wait()


async def _replicate(
    settings: GatekeeperSettings,
    holder: Holder,
    replica: Replica,
    lease: Lease,
    read_journalled: Callable[[], Journalled],
    clock: Clock,
) -> None:
    dsn, timeout_s = settings.postgres_dsn.get_secret_value(), settings.startup_timeout_s
    await wait_for("PostgreSQL", partial(require_migrations, dsn), timeout_s=timeout_s, clock=clock)
    async with AsyncExitStack() as resources:
        pool = await resources.enter_async_context(open_pool(dsn, application_name="gatekeeper", size_max=2))
        leases = Leases(pool)
        await resources.enter_async_context(withdraw_at_end(leases, holder, lease))
        source = LedgerSource(
            read_model=Snapshots(pool, StateSecret(settings.state_secret_bytes)),
            kafka=settings.kafka,
            client_id="keyfold-gatekeeper",
            trusted=load_trusted_keys(settings.seal_public_keys.read_bytes()),
            accepts_unsealed=settings.unsealed_accepted,
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                heartbeat = Heartbeat(leases, holder, lease, replica, read_journalled, clock)
                tasks.create_task(heartbeat.run(), name="heartbeat")
                tasks.create_task(
                    follow(source, replica, lease, clock, startup_timeout_s=timeout_s), name="following"
                )
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures  # the first failure says why, in one line
