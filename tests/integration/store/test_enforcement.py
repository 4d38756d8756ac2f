"""A position is enforced once no gatekeeper can allow anything from before it, and never is again untrue."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.enforcement.leases import DEAD_KEPT_S, LEASE_MARGIN_S
from keyfold.store.enforcement.positions import ENFORCEMENT_CHANNEL, HOLDERS_MAX, Enforcement
from keyfold.store.postgres.notifications import Notifications
from tests.support.store.enforcing import LONG_S, POLL_S, A, B, Scene


async def test_nobody_needs_to_know(scene: Scene) -> None:
    """Without any gatekeeper what is committed is enforced, and what is not is not."""
    position = await scene.append()
    assert await scene.enforcement.wait_for(position, 0)
    assert not await scene.enforcement.wait_for(position + 1, 0)
    assert await scene.enforcement.holders(position) == []


async def test_every_gatekeeper_counts(scene: Scene) -> None:
    """A position is enforced when the last gatekeeper has applied it."""
    await scene.leases.renew(A, 0)
    await scene.leases.renew(B, 0)
    position = await scene.append()
    waiting = asyncio.create_task(scene.enforcement.wait_for(position, LONG_S))
    await scene.leases.tell(A, position)
    assert not await scene.enforcement.wait_for(position, 0)
    assert await scene.in_the_way(position) == ["b"]
    await scene.leases.renew(B, position + 1)
    assert await waiting
    assert await scene.in_the_way(position) == []


async def test_a_silent_gatekeeper_outlives_its_lease(scene: Scene) -> None:
    """One that is silent is waited for until its lease and the margin are over, and no longer."""
    holder = replace(A, lease_s=0.5)
    await scene.leases.renew(holder, 0)
    await scene.age(holder, LEASE_MARGIN_S)
    position = await scene.append()
    assert not await scene.enforcement.wait_for(position, 0)
    (standing,) = await scene.enforcement.holders(position)
    assert standing.is_in_the_way
    assert standing.lease_until == standing.renewed_at + timedelta(seconds=0.5)
    assert await scene.enforcement.wait_for(position, LONG_S)
    late = await scene.time() - (standing.lease_until + timedelta(seconds=LEASE_MARGIN_S))
    assert timedelta(0) < late < timedelta(seconds=1)
    assert await scene.in_the_way(position) == []


async def test_a_withdrawal_is_heard_at_once(scene: Scene) -> None:
    """A clean shutdown ends the wait for that gatekeeper, without waiting for the next poll."""
    took_s = 0.0
    for _ in range(5):
        await scene.leases.renew(A, 0)
        position = await scene.append()
        took_s += await _heard(scene, position, scene.leases.withdraw(A))
    assert took_s < 5 * POLL_S / 4


async def test_progress_is_heard_at_once(scene: Scene) -> None:
    """A waiter wakes within milliseconds of what a gatekeeper tells or renews, not at the next poll."""
    await scene.leases.renew(A, 0)
    took_s = 0.0
    for _ in range(5):
        position = await scene.append()
        took_s += await _heard(scene, position, scene.leases.tell(A, position))
        position = await scene.append()
        took_s += await _heard(scene, position, scene.leases.renew(A, position))
    assert took_s < 10 * POLL_S / 4


async def _heard(scene: Scene, position: int, news: object) -> float:
    """Return how long after the news, which ends the wait, the waiter knew of it."""
    assert asyncio.iscoroutine(news)
    waiting = asyncio.create_task(scene.enforcement.wait_for(position, LONG_S))
    assert not await scene.enforcement.wait_for(
        position, 0.02
    )  # by now it has looked, and its poll has begun
    await news
    told_s = SYSTEM_CLOCK.monotonic_s()
    assert await waiting
    return SYSTEM_CLOCK.monotonic_s() - told_s


async def test_a_beat_without_progress_wakes_nobody(scene: Scene) -> None:
    """Neither a beat nor a telling that says nothing new is notified."""
    await scene.leases.renew(A, 3)
    async with Notifications(scene.dsn, ENFORCEMENT_CHANNEL) as notifications:
        await notifications.wait(LONG_S)
        await scene.leases.renew(A, 3)
        await scene.leases.tell(A, 3)
        await scene.leases.withdraw(B)
        assert not await notifications.wait(0.1)
        await scene.leases.renew(B, 3)
        assert await notifications.wait(LONG_S)


async def test_telling_renews_nothing(scene: Scene) -> None:
    """To tell of progress moves the position and never back, leaves the lease as it is, and makes no row."""
    await scene.leases.renew(A, 3)
    (before,) = await scene.enforcement.holders(9)
    for position in (7, 5):
        await scene.leases.tell(A, position)
        await scene.leases.tell(B, position)
    assert await scene.enforcement.holders(9) == [replace(before, applied_position=7)]


async def test_without_notifications_it_polls(scene: Scene) -> None:
    """Whoever cannot listen is told by the next poll."""
    await scene.leases.renew(A, 0)
    position = await scene.append()
    waiting = asyncio.create_task(Enforcement(scene.pool).wait_for(position, LONG_S))
    await scene.leases.tell(A, position)
    assert await waiting


async def test_a_row_from_the_future_is_waited_for(scene: Scene) -> None:
    """When PostgreSQL's clock went back, a lease that began later than now is not over."""
    holder = replace(A, lease_s=0.001)
    await scene.leases.renew(holder, 0)
    await scene.age(holder, -3600)
    position = await scene.append()
    assert not await scene.enforcement.wait_for(position, 0.1)
    assert await scene.in_the_way(position) == ["a"]
    await scene.leases.renew(holder, position)
    assert await scene.enforcement.wait_for(position, LONG_S)


async def test_without_a_lease_silence_proves_nothing(scene: Scene) -> None:
    """A gatekeeper that answers without a lease is waited for, however long it has been silent."""
    holder = replace(A, lease_s=None)
    await scene.leases.renew(holder, 0)
    await scene.age(holder, 1e8)
    position = await scene.append()
    assert not await scene.enforcement.wait_for(position, 0.1)
    (standing,) = await scene.enforcement.holders(position)
    assert (standing.is_in_the_way, standing.lease_until) == (True, None)
    await scene.leases.tell(holder, position)
    assert await scene.enforcement.wait_for(position, LONG_S)


async def test_the_dead_are_forgotten(scene: Scene) -> None:
    """A row is removed a day after its lease and the margin; one that may yet hold a lease never is."""
    gone = replace(A, id="gone", lease_s=60)
    recent = replace(A, id="recent", lease_s=3600)
    unbound = replace(A, id="unbound", lease_s=None)
    for holder in (gone, recent, unbound):
        await scene.leases.renew(holder, 0)
        await scene.age(holder, DEAD_KEPT_S + 60 + LEASE_MARGIN_S + 1)
    await scene.leases.forget_dead()
    assert await scene.ids() == ["recent", "unbound"]


async def test_the_list_is_bounded(scene: Scene) -> None:
    """However many rows there are, at most a thousand are told, and those in the way come first."""
    await scene.pool.execute(
        "insert into ledger.gatekeepers (id, host, applied_position, lease_s, renewed_at)"
        " select number::text, 'host', 9, 60, clock_timestamp() from generate_series(1, $1) as number",
        HOLDERS_MAX,
    )
    await scene.leases.renew(A, 0)
    holders = await scene.enforcement.holders(9)
    assert len(holders) == HOLDERS_MAX
    assert holders[0].id == "a"
