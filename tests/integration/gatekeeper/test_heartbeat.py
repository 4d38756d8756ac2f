"""The heartbeat and PostgreSQL: what is reported when, and that only a beat is a proof."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest

from keyfold.domain.lifecycle.state import State
from keyfold.gatekeeper.replica.heartbeat import (
    INTERVAL_S,
    TELL_INTERVAL_S,
    AnotherLedger,
    Heartbeat,
    withdraw_at_end,
)
from keyfold.gatekeeper.replica.lease import Beat, Lease
from keyfold.gatekeeper.replica.state import Replica
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.enforcement.leases import Holder, Journalled, Leases
from keyfold.store.enforcement.positions import Enforcement
from keyfold.store.postgres.connection import Pool
from keyfold.wire.events.chain import GENESIS, Head
from tests.support.eventually import eventually
from tests.support.store.enforcing import LONG_S, watch_enforcement

HOLDER = Holder(id="a", host="host-a", lease_s=60)


class CountedLeases(Leases):
    """Leases that count reports and can be blocked."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self.renewed = 0
        self.told: list[int] = []
        self.telling = asyncio.Event()
        self.free = asyncio.Event()
        self.free.set()

    async def renew(
        self, holder: Holder, applied_position: int, journalled: Journalled | None = None
    ) -> Head:
        """Count, and renew."""
        self.renewed += 1
        return await super().renew(holder, applied_position, journalled)

    async def tell(self, holder: Holder, applied_position: int) -> None:
        """Count, and tell once that is free."""
        self.told.append(applied_position)
        self.telling.set()
        await self.free.wait()
        await super().tell(holder, applied_position)


@dataclass(slots=True, kw_only=True)
class Scene:
    """A gatekeeper's replica, moved by hand, and its heartbeat."""

    pool: Pool
    leases: CountedLeases
    lease: Lease
    replica: Replica
    enforcement: Enforcement

    def apply(self, position: int) -> None:
        """Apply everything up to a position."""
        self.replica.load(State(), position, SYSTEM_CLOCK.now())

    async def commit(self, position: int) -> None:
        """Move the ledger's head to this position."""
        await self.pool.execute("update ledger.head set position = $1", position)

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Beat until the context ends."""
        task = asyncio.create_task(self.heart().run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def heart(self) -> Heartbeat:
        """Return a heartbeat that does not beat yet."""
        return Heartbeat(self.leases, HOLDER, self.lease, self.replica, self.journalled, SYSTEM_CLOCK)

    def journalled(self) -> Journalled:
        """Report that nothing was decided yet."""
        return Journalled(number=0, at=SYSTEM_CLOCK.now())

    async def is_proven(self) -> bool:
        """Tell whether a beat has proven that the replica holds everything."""
        return self.lease.proven_s is not None

    async def has_row(self) -> bool:
        """Tell whether anybody would wait for the gatekeeper."""
        return await self.enforcement.holders(0) != []


@pytest.fixture
async def scene(database: str) -> AsyncIterator[Scene]:
    """An empty ledger, and a replica without a state."""
    async with watch_enforcement(database) as (pool, enforcement):
        yield Scene(
            pool=pool,
            leases=CountedLeases(pool),
            lease=Lease(60),
            replica=Replica(),
            enforcement=enforcement,
        )


async def test_progress_is_told_at_once(scene: Scene) -> None:
    """Progress is known to those who wait for it long before the next beat."""
    scene.apply(0)
    async with scene.beating():
        await eventually(scene.is_proven)
        for position in range(1, 11):
            await scene.commit(position)
            assert not await scene.enforcement.wait_for(position, 0)
            scene.apply(position)
            assert await scene.enforcement.wait_for(position, INTERVAL_S / 4)


async def test_a_storm_of_events_is_no_storm_of_transactions(scene: Scene) -> None:
    """However fast events come, progress is reported at most every 20 ms, and the last position always."""
    scene.apply(0)
    async with scene.beating():
        await eventually(scene.is_proven)
        began_s = SYSTEM_CLOCK.monotonic_s()
        await scene.commit(300)
        for position in range(1, 301):
            scene.apply(position)
            await asyncio.sleep(0.001)
        assert await scene.enforcement.wait_for(300, LONG_S)
        took_s = SYSTEM_CLOCK.monotonic_s() - began_s
    assert (
        1
        < len(scene.leases.told) + scene.leases.renewed
        <= took_s / TELL_INTERVAL_S + took_s / INTERVAL_S + 3
    )


async def test_what_is_applied_while_it_tells_is_told_next(scene: Scene) -> None:
    """Progress during a report is neither lost nor left to the next beat."""
    scene.apply(0)
    async with scene.beating():
        await eventually(scene.is_proven)
        scene.leases.free.clear()
        scene.apply(1)
        await scene.leases.telling.wait()
        scene.apply(2)
        scene.leases.free.set()
        await scene.commit(2)
        assert await scene.enforcement.wait_for(2, INTERVAL_S / 4)


async def test_only_a_beat_is_a_proof(scene: Scene) -> None:
    """A report of progress does not renew the lease, because it reads no head of the ledger."""
    scene.apply(0)
    async with scene.beating():
        await eventually(scene.is_proven)
        proven_s = scene.lease.proven_s
        await scene.commit(1)
        scene.apply(1)
        assert await scene.enforcement.wait_for(1, LONG_S)
        assert (scene.leases.renewed, scene.lease.proven_s) == (1, proven_s)


async def test_it_beats_every_second_without_progress(scene: Scene) -> None:
    """It beats without progress too; each beat proves from its own start."""
    scene.apply(0)
    async with scene.beating():
        await eventually(scene.is_proven)
        first_s = scene.lease.proven_s

        async def is_renewed() -> bool:
            return scene.lease.proven_s != first_s

        await eventually(is_renewed)
        assert first_s is not None
        assert scene.lease.proven_s is not None
        assert scene.lease.proven_s - first_s >= INTERVAL_S
    assert (scene.leases.renewed, scene.leases.told) == (2, [])


async def test_no_beat_counts_before_its_head_is_applied(scene: Scene) -> None:
    """A waiter finds the row at once, and the gatekeeper holds no lease until it has applied the head."""
    scene.apply(0)
    await scene.commit(3)
    async with scene.beating():
        await eventually(scene.has_row)
        assert not await scene.enforcement.wait_for(3, 0.05)
        assert scene.lease.proven_s is None


async def test_without_a_state_nobody_waits_for_it(scene: Scene) -> None:
    """A gatekeeper without a state allows nothing and has no row; it has one as soon as it has a state."""
    async with scene.beating():
        await asyncio.sleep(0)
        assert await scene.enforcement.wait_for(0, 0)
        assert (scene.leases.renewed, await scene.has_row()) == (0, False)
        scene.apply(0)
        await eventually(scene.has_row, within_s=INTERVAL_S / 2)


@pytest.mark.parametrize(
    "applied",
    [Head(position=8, hash=GENESIS.hash), Head(position=7, hash=bytes([1]) * 32)],
    ids=["beyond the head", "another history"],
)
async def test_a_ledger_that_went_back_proves_nothing(scene: Scene, applied: Head) -> None:
    """A gatekeeper that holds more than the ledger does, or something else at its end, ends without a lease:
    what is appended to a ledger from a backup would look to it like what it has applied before.
    """
    await scene.commit(7)
    scene.replica.load(State(), applied.position, SYSTEM_CLOCK.now(), sealed=applied.hash)
    with pytest.raises(AnotherLedger, match="ends at position 7"):
        async with asyncio.timeout(LONG_S), withdraw_at_end(scene.leases, HOLDER, scene.lease):
            await scene.heart().run()
    assert not scene.lease.is_held(SYSTEM_CLOCK.monotonic_s())


class WatchedLeases(Leases):
    """Leases that look, when a row is withdrawn, whether its lease is held."""

    def __init__(self, pool: Pool, lease: Lease) -> None:
        super().__init__(pool)
        self.lease = lease
        self.held_when_withdrawn: bool | None = None

    async def withdraw(self, holder: Holder) -> None:
        """Look, and withdraw."""
        self.held_when_withdrawn = self.lease.is_held(SYSTEM_CLOCK.monotonic_s())
        await super().withdraw(holder)


async def test_whoever_is_not_waited_for_allows_nothing(scene: Scene) -> None:
    """The lease is over before its row is withdrawn, also where the process has not sent its last answer:
    whichever task dies takes the heartbeat with it, and requests are answered until the listener is closed.
    """
    leases = WatchedLeases(scene.pool, scene.lease)
    with pytest.raises(LookupError):
        async with withdraw_at_end(leases, HOLDER, scene.lease):
            await leases.renew(HOLDER, 0)
            scene.lease.beat(Beat(began_s=SYSTEM_CLOCK.monotonic_s(), head=0), 0)
            assert scene.lease.is_held(SYSTEM_CLOCK.monotonic_s())
            raise LookupError("another task has died")
    assert leases.held_when_withdrawn is False
    assert not await scene.has_row()
