"""The heartbeat: a gatekeeper tells how far it is, and hears every second how far the ledger is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
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
TELL_INTERVAL_S: Final = 0.02
_TIMEOUT_S: Final = 5.0

log = structlog.get_logger(__name__)


class Heartbeat:
    """Beats every second from the moment that there is a state, and tells of progress at once in between.

    Only a beat proves anything to this gatekeeper. What it tells is for those who wait until a revocation is
    in force everywhere, at most every 20 ms, so that many events do not become as many transactions.
    """

    def __init__(self, leases: Leases, holder: Holder, lease: Lease, replica: Replica, clock: Clock) -> None:
        self._leases = leases
        self._holder = holder
        self._lease = lease
        self._replica = replica
        self._clock = clock
        self._is_away = False

    async def run(self) -> None:
        """Beat for ever, whether or not PostgreSQL answers: the lease runs out by itself if it does not."""
        # Without a state it allows nothing, and a row would only be waited for.
        await self._replica.advanced.wait()
        await self._try(self._leases.forget_dead())
        while True:
            began_s = self._clock.monotonic_s()
            await self._try(self._beat(began_s))
            await self._tell_progress(until_s=began_s + INTERVAL_S)

    async def _beat(self, began_s: float) -> None:
        head = await self._leases.renew(self._holder, self._position())
        self._lease.beat(Beat(began_s=began_s, head=head), self._replica.position)

    async def _tell_progress(self, *, until_s: float) -> None:
        while (left_s := until_s - self._clock.monotonic_s()) > 0:
            if await self._advances(left_s):
                await self._try(self._leases.tell(self._holder, self._position()))
                await asyncio.sleep(TELL_INTERVAL_S)

    async def _advances(self, within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                return await self._replica.advanced.wait()
        except TimeoutError:
            return False

    def _position(self) -> int:
        # Cleared before it is told: what is applied while the transaction runs is told after it.
        self._replica.advanced.clear()
        return self._replica.position

    async def _try(self, call: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await call
        except (DatabaseAway, TimeoutError) as away:
            metrics.HEARTBEATS_MISSED.inc()
            if not self._is_away:
                log.warning("heartbeat_missed", reason=str(away) or "no answer in time")
            self._is_away = True
        else:
            self._is_away = False


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
