"""The heartbeat: every second a gatekeeper tells how far it is, and hears how far the ledger is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from libs.runtime.clock import Clock
from libs.store.errors import DatabaseAway
from libs.store.leases import Holder, Leases
from services.gatekeeper import metrics
from services.gatekeeper.lease import Beat, Lease
from services.gatekeeper.replica import Replica

INTERVAL_S: Final = 1.0
_TIMEOUT_S: Final = 5.0

log = structlog.get_logger(__name__)


async def beat_for_ever(leases: Leases, holder: Holder, lease: Lease, replica: Replica, clock: Clock) -> None:
    """Beat every second, whether or not PostgreSQL answers: the lease runs out by itself if it does not."""
    is_away = False
    while True:
        began_s = clock.monotonic_s()
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                head = await leases.renew(holder, replica.position)
        except (DatabaseAway, TimeoutError) as away:
            metrics.HEARTBEATS_MISSED.inc()
            if not is_away:
                log.warning("heartbeat_missed", reason=str(away) or "no answer in time")
            is_away = True
        else:
            lease.beat(Beat(began_s=began_s, head=head), replica.position)
            is_away = False
        await asyncio.sleep(max(0.0, began_s + INTERVAL_S - clock.monotonic_s()))


@asynccontextmanager
async def withdrawn_at_the_end(leases: Leases, holder: Holder) -> AsyncIterator[None]:
    """Remove the holder's row when the context ends; by then nothing may be answered any more."""
    try:
        yield
    finally:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await leases.withdraw(holder)
        except (DatabaseAway, TimeoutError) as away:
            log.warning("lease_left_behind", reason=str(away) or "no answer in time")
