"""A position is enforced once no gatekeeper can allow anything from before it, and never is again untrue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from keyfold.domain.ids import account_stream
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.enforcement.leases import DEAD_KEPT_S, LEASE_MARGIN_S, Holder, Leases
from keyfold.store.enforcement.positions import ENFORCEMENT_CHANNEL, HOLDERS_MAX, Enforcement
from keyfold.store.ledger.append import Ledger
from keyfold.store.postgres.connection import Connection, Pool, open_connection, open_pool
from keyfold.store.postgres.notifications import Notifications
from keyfold.store.postgres.statements import load_part, load_statements
from tests.support.eventually import eventually
from tests.support.store.events import created, draft, now

A = Holder(id="a", host="host-a", lease_s=60)
B = Holder(id="b", host="host-b", lease_s=60)
LONG_S = 20
POLL_S = 0.25

_leases_sql = load_statements("enforcement/leases")
_ledger_sql = load_statements("ledger/append", inserted=load_part("ledger/rows"))
_enforcement_sql = load_statements("enforcement/positions")


@dataclass(slots=True, kw_only=True)
class Scene:
    """A database with gatekeepers' rows, and who watches them."""

    dsn: str
    pool: Pool
    leases: Leases
    ledger: Ledger
    enforcement: Enforcement
    appended: int = 0

    async def append(self) -> int:
        """Append an event; return its position."""
        self.appended += 1
        event = created(self.appended)
        (recorded,) = await self.ledger.append([draft(event)], {account_stream(event.account_id): 0}, now())
        return recorded.position

    async def age(self, holder: Holder, age_s: float) -> None:
        """Make a row as old as that, on PostgreSQL's clock."""
        await self.pool.execute(
            "update ledger.gatekeepers set renewed_at = clock_timestamp() - make_interval(secs => $2)"
            " where id = $1",
            holder.id,
            age_s,
        )

    async def time(self) -> datetime:
        """Return the time on PostgreSQL's clock."""
        time: datetime = await self.pool.fetchval("select clock_timestamp()")
        return time

    async def ids(self) -> list[str]:
        """Return whose rows there are."""
        return [row["id"] for row in await self.pool.fetch("select id from ledger.gatekeepers order by id")]

    async def in_the_way(self, position: int) -> list[str]:
        """Return who is in the way of a position."""
        return [each.id for each in await self.enforcement.holders(position) if each.is_in_the_way]


@pytest.fixture
async def scene(database: str) -> AsyncIterator[Scene]:
    """A ledger without any gatekeeper."""
    async with (
        open_pool(database, application_name="test") as pool,
        Notifications(database, ENFORCEMENT_CHANNEL) as notifications,
    ):
        await notifications.wait(LONG_S)
        yield Scene(
            dsn=database,
            pool=pool,
            leases=Leases(pool),
            ledger=Ledger(pool),
            enforcement=Enforcement(pool, notifications),
        )


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


async def test_a_beat_that_comes_before_an_append_is_seen(scene: Scene) -> None:
    """An append waits for a beat that has read the head, so who waits for it finds the beat's row."""
    async with open_connection(scene.dsn, application_name="test") as beat:
        async with beat.transaction():
            head = await _beaten(beat, A)
            append = asyncio.create_task(scene.append())
            await eventually(lambda: _is_blocked(scene))
        position = await append
    assert head < position
    assert not await scene.enforcement.wait_for(position, 0)


async def test_a_beat_that_comes_after_an_append_hears_of_it(scene: Scene) -> None:
    """A beat waits for an append that has locked the head, and is told its position."""
    before = await scene.append()
    async with open_connection(scene.dsn, application_name="test") as append:
        async with append.transaction():
            await _ledger_sql.lock_head(append)
            beat = asyncio.create_task(scene.leases.renew(A, before))
            await eventually(lambda: _is_blocked(scene))
            await append.execute("update ledger.head set position = position + 1")
        assert (await beat).position == before + 1


async def test_a_beat_that_is_held_up_hears_of_what_was_appended_meanwhile(scene: Scene) -> None:
    """A beat that began before an append, and was waiting for its own row, is told the append's position; or
    the append has waited for it.
    """
    await scene.leases.renew(A, 0)
    async with open_connection(scene.dsn, application_name="test") as other:
        async with other.transaction():
            await other.execute("select from ledger.gatekeepers where id = 'a' for update")
            beat = asyncio.create_task(scene.leases.renew(A, 0))
            await eventually(lambda: _is_blocked(scene))
            append = asyncio.create_task(scene.append())
            done, _ = await asyncio.wait([append], timeout=POLL_S)
        head, position = await beat, await append
    assert head.position == (position if done else position - 1)
    assert not await scene.enforcement.wait_for(position, 0)


async def test_a_gatekeeper_that_freezes_keeps_nobody_waiting(scene: Scene) -> None:
    """A beat is one statement: nothing stays locked while its gatekeeper has yet to do something."""
    await scene.append()
    async with open_connection(scene.dsn, application_name="test") as beat:
        statements: list[str] = []
        beat.add_query_logger(lambda query: statements.append(query.query))
        await _beaten(beat, A)
        async with asyncio.timeout(LONG_S):
            position = await scene.append()
    assert len(statements) == 1
    assert not await scene.enforcement.wait_for(position, 0)


async def test_two_gatekeepers_beat_at_once(scene: Scene) -> None:
    """A beat keeps appends waiting, and no other beat."""
    async with open_connection(scene.dsn, application_name="test") as beat, beat.transaction():
        await _beaten(beat, A)
        async with asyncio.timeout(LONG_S):
            await scene.leases.renew(B, 0)


async def _beaten(connection: Connection, holder: Holder) -> int:
    head = await _leases_sql.renew(
        connection,
        id=holder.id,
        host=holder.host,
        lease_s=holder.lease_s,
        applied_position=0,
        journalled=0,
        journalled_at=None,
    )
    return int(head["position"])


async def _is_blocked(scene: Scene) -> bool:
    blocked = "select exists (select from pg_stat_activity where wait_event_type = 'Lock')"
    return bool(await scene.pool.fetchval(blocked))


async def test_whoever_comes_back_is_no_danger(scene: Scene) -> None:
    """What was enforced stays enforced: a gatekeeper that starts or returns afterwards is told the head."""
    await scene.leases.renew(A, 0)
    await scene.age(A, 3600)
    position = await scene.append()
    assert await scene.enforcement.wait_for(position, 0)
    assert (await scene.leases.renew(A, 0)).position == position


async def test_an_outage_is_waited_out(scene: Scene) -> None:
    """While PostgreSQL does not answer nothing is known to be enforced, and nothing is raised."""
    async with open_pool(scene.dsn, application_name="lost") as pool:
        enforcement = Enforcement(pool)
        position = await scene.append()
        await pool.close()
        assert not await enforcement.wait_for(position, 0.1)


async def test_a_standby_confirms_nothing(scene: Scene) -> None:
    """On a standby the rows' times are another clock's, so nothing is known to be enforced there."""
    position = await scene.append()
    async with open_connection(scene.dsn, application_name="test") as standby:
        assert await _enforcement_sql.enforced_position(standby, margin_s=LEASE_MARGIN_S) == position
        await standby.execute("create schema standby")
        await standby.execute(
            "create function standby.pg_is_in_recovery() returns boolean language sql return true"
        )
        await standby.execute("set search_path = standby, pg_catalog")
        assert await _enforcement_sql.enforced_position(standby, margin_s=LEASE_MARGIN_S) == 0


@pytest.mark.parametrize(("setting", "kept"), [("off", "on"), ("local", "on"), ("remote_apply", None)])
async def test_a_row_is_durable_before_a_lease_is_held_on_it(
    scene: Scene, setting: str, kept: str | None
) -> None:
    """A beat waits for the disk, and for a standby that must have it, whatever the server is told."""
    async with open_connection(scene.dsn, application_name="test") as beat:
        await beat.execute(f"set synchronous_commit = {setting}")
        async with beat.transaction():
            await _beaten(beat, A)
            assert await beat.fetchval("show synchronous_commit") == (kept or setting)
        assert await beat.fetchval("show synchronous_commit") == setting


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


async def test_who_renews_while_the_dead_are_forgotten_is_kept(scene: Scene) -> None:
    """A gatekeeper that returns after days, just as its row is to be removed, keeps it."""
    await scene.leases.renew(A, 0)
    await scene.age(A, 10 * DEAD_KEPT_S)
    async with open_connection(scene.dsn, application_name="test") as beat:
        async with beat.transaction():
            await _beaten(beat, A)
            forgetting = asyncio.create_task(scene.leases.forget_dead())
            await eventually(lambda: _is_blocked(scene))
        await forgetting
    assert await scene.ids() == ["a"]


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
