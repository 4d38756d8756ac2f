"""Beats, appends and outages that meet: whatever comes first, no position is enforced too early."""

from __future__ import annotations

import asyncio

import pytest

from keyfold.store.enforcement.leases import DEAD_KEPT_S, LEASE_MARGIN_S, Holder
from keyfold.store.enforcement.positions import Enforcement
from keyfold.store.postgres.connection import Connection, open_connection, open_pool
from keyfold.store.postgres.statements import load_part, load_statements
from tests.support.eventually import eventually
from tests.support.store.enforcing import LONG_S, POLL_S, A, B, Scene

_leases_sql = load_statements("enforcement/leases")
_ledger_sql = load_statements("ledger/append", inserted=load_part("ledger/rows"))
_enforcement_sql = load_statements("enforcement/positions")


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
            await append.execute("update ledger.head set position = position + 1, sealed_position = null")
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
