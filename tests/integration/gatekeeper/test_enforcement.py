"""A revocation that is reported in force is in force, at every gatekeeper and also at a silent one."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from keyfold.domain.access.decision import Reason
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.enforcement.leases import LEASE_MARGIN_S
from keyfold.store.enforcement.positions import ENFORCEMENT_CHANNEL, Enforcement
from keyfold.store.postgres.connection import open_pool
from keyfold.store.postgres.notifications import Notifications
from tests.support.gatekeeper.practice import BOTH, practice, revoked
from tests.support.gatekeeper.world import Gatekeeper, World
from tests.support.ledger_builder import account_created

AT_ONCE_S = 0.5
LEASE_S = 1.5


@asynccontextmanager
async def watching(world: World) -> AsyncIterator[Enforcement]:
    """Watch the gatekeepers as a registry does."""
    async with (
        open_pool(world.dsn, application_name="test") as pool,
        Notifications(world.dsn, ENFORCEMENT_CHANNEL) as notifications,
    ):
        yield Enforcement(pool, notifications)


async def test_progress_is_known_at_once(world: World) -> None:
    """It is known within half a second that a gatekeeper has applied an event, whenever it beats."""
    await world.append(*practice())
    await world.project()
    async with world.gatekeeper(), watching(world) as enforcement:
        for number in range(100, 110):
            position = await world.record(account_created(number))
            assert await enforcement.wait_for(position, AT_ONCE_S)


async def test_a_clean_shutdown_ends_the_wait(world: World) -> None:
    """Nobody waits for a gatekeeper that ended cleanly, although it never applied the position."""
    await world.append(*practice())
    await world.project()
    async with watching(world) as enforcement:
        async with world.gatekeeper():
            position = await world.append(account_created(9))
            assert not await enforcement.wait_for(position, 0.1)
        assert await enforcement.wait_for(position, 0)


async def test_a_gatekeeper_that_slept_allows_nothing_that_was_revoked_meanwhile(world: World) -> None:
    """A paused gatekeeper's lease runs out, and then it allows nothing that was asked before."""
    await world.append(*practice())
    await world.project()
    async with (
        world.gatekeeper(STALENESS_MAX_S=str(LEASE_S)) as gatekeeper,
        watching(world) as enforcement,
    ):
        assert (await gatekeeper.ask("GET", "/v1/patient", BOTH)).status == 200
        os.kill(gatekeeper.child.pid, signal.SIGSTOP)
        stopped_s = SYSTEM_CLOCK.monotonic_s()
        position = await world.record(revoked())
        asked = [asyncio.create_task(_answered(gatekeeper)) for _ in range(20)]
        assert await enforcement.wait_for(position, LEASE_S + LEASE_MARGIN_S + 5)
        assert SYSTEM_CLOCK.monotonic_s() - stopped_s > LEASE_MARGIN_S
        os.kill(gatekeeper.child.pid, signal.SIGCONT)
        reasons = {await answer for answer in asked} | {await _answered(gatekeeper)}
    assert reasons <= {Reason.STALE, Reason.SUBSCRIBER_KEY_REVOKED}


async def _answered(gatekeeper: Gatekeeper) -> str | None:
    return (await gatekeeper.ask("GET", "/v1/patient", BOTH)).reason
