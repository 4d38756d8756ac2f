"""The heartbeat: every second a gatekeeper reports its position and learns the ledger's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog

from keyfold.gatekeeper import metrics
from keyfold.gatekeeper.replica.lease import Beat, Lease
from keyfold.gatekeeper.replica.state import Replica
from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import StopProcess
from keyfold.store.enforcement.leases import Holder, Journalled, Leases
from keyfold.store.postgres.errors import DatabaseAway, ReadOnly
from keyfold.wire.events.chain import Head

INTERVAL_S: Final = 1.0
TELL_INTERVAL_S: Final = 0.02
_TIMEOUT_S: Final = 5.0

log = structlog.get_logger(__name__)


class AnotherLedger(StopProcess):
    """The ledger is not the one that was followed, for instance because it was restored from a backup.

    What was applied proves nothing about it: stop, and start anew from its read model.
    """

    def __init__(self, head: Head, applied_position: int) -> None:
        super().__init__(
            f"the ledger ends at position {head.position}, and not with what was applied up to"
            f" {applied_position}: it is another one, or was set back"
        )


class Heartbeat:
    """Beats every second once there is a state, and reports progress at once in between.

    Only a beat proves anything to this gatekeeper. Progress is reported for those who wait until a revocation
    is in force everywhere, at most every 20 ms, so that many events do not become as many transactions.
    """

    def __init__(
        self,
        leases: Leases,
        holder: Holder,
        lease: Lease,
        replica: Replica,
        read_journalled: Callable[[], Journalled],
        clock: Clock,
    ) -> None:
        self._leases = leases
        self._read_journalled = read_journalled
        self._holder = holder
        self._lease = lease
        self._replica = replica
        self._clock = clock
        self._is_away = False
        self._is_registered = holder.public_key is None

    async def run(self) -> None:
        """Beat until cancelled, also while PostgreSQL is away: then the lease runs out by itself.

        Raises AnotherLedger.
        """
        # Without a state it allows nothing, and its row would only keep others waiting.
        await self._replica.advanced.wait()
        await self._try(self._leases.forget_dead())
        while True:
            began_s = self._clock.monotonic_s()
            await self._try(self._beat(began_s))
            await self._tell_progress(until_s=began_s + INTERVAL_S)

    async def _beat(self, began_s: float) -> None:
        if not self._is_registered:
            await self._leases.register(self._holder)
            self._is_registered = True
        applied = self._take_progress()
        head = await self._leases.renew(self._holder, applied.position, self._read_journalled())
        if head.position < applied.position or (head.position == applied.position and head != applied):
            raise AnotherLedger(head, applied.position)
        self._lease.beat(Beat(began_s=began_s, head=head.position), self._replica.position)

    async def _tell_progress(self, *, until_s: float) -> None:
        while (left_s := until_s - self._clock.monotonic_s()) > 0:
            if await self._advances(left_s):
                await self._try(self._leases.tell(self._holder, self._take_progress().position))
                await asyncio.sleep(TELL_INTERVAL_S)

    async def _advances(self, within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                return await self._replica.advanced.wait()
        except TimeoutError:
            return False

    def _take_progress(self) -> Head:
        # Cleared before the report: what is applied while the transaction runs is reported after it.
        self._replica.advanced.clear()
        return Head(position=self._replica.position, hash=self._replica.sealed)

    async def _try(self, call: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await call
        except (DatabaseAway, TimeoutError) as away:
            self._lease.unrenewable = str(away) if isinstance(away, ReadOnly) else None
            metrics.HEARTBEATS_MISSED.inc()
            if not self._is_away:
                log.warning("heartbeat_missed", reason=str(away) or "no answer in time")
            self._is_away = True
        else:
            self._is_away = False
            self._lease.unrenewable = None


@asynccontextmanager
async def withdraw_at_end(leases: Leases, holder: Holder, lease: Lease) -> AsyncIterator[None]:
    """Remove the holder's row when the context ends: then it allows nothing, and nobody waits for it."""
    try:
        yield
    finally:
        # If another task has died, requests are still being answered; an orderly end comes after the last
        # answer.
        lease.forfeit()
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await leases.withdraw(holder)
        except (DatabaseAway, TimeoutError) as away:
            log.warning("lease_left_behind", reason=str(away) or "no answer in time")
