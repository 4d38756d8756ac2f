"""Replays beside a serving generation, on a real broker and a real database."""

from __future__ import annotations

import asyncio

import pytest

from keyfold.domain.lifecycle.state import State
from keyfold.projection.generation_build import EventsMissing
from keyfold.store.postgres.errors import ReadModelAbsent, ReplayRunning
from keyfold.store.read_model.generations import (
    NEXT,
    OLD,
    TableDifference,
    open_generations,
    serving_progress,
)
from keyfold.store.read_model.writer import ReadModelWriter, Step
from tests.support.database import execute
from tests.support.eventually import eventually
from tests.support.ledger_builder import (
    LedgerBuilder,
    account_created,
    account_id,
    key_created,
    key_id,
    story,
)
from tests.support.projection.running import dump, running
from tests.support.projection.scene import Scene
from tests.support.state_secret import STATE_SECRET


async def serve_ledger(scene: Scene, ledger: LedgerBuilder) -> bytes:
    """Publish a ledger, fold it live in small batches, and return the tables' bytes."""
    async with running(scene.following(batch_events_max=2)):
        await scene.wait_for(0)
        await scene.publish(ledger.records())
        await scene.wait_for(ledger.head.position)
    return await dump(scene.pool)


async def schemas(scene: Scene) -> set[str]:
    """Return the names of the generations that there are."""
    async with scene.pool.acquire() as connection:
        rows = await connection.fetch("select nspname from pg_namespace where nspname like 'projection%'")
    return {row["nspname"] for row in rows}


async def test_replay_equals_live(scene: Scene) -> None:
    """A replay finds no difference, and its generation is the same to the byte."""
    live = await serve_ledger(scene, LedgerBuilder(story()))
    report = await scene.replay().run()
    assert report.differences == ()
    assert report.events == report.position == len(story())
    assert await dump(scene.pool) == live
    assert await schemas(scene) == {"projection"}


async def test_rebuilds_what_was_wiped(scene: Scene) -> None:
    """After the read model was dropped, a replay gives the same bytes and reports no comparison."""
    live = await serve_ledger(scene, LedgerBuilder(story()))
    await execute(scene.dsn, "drop schema projection cascade")
    with pytest.raises(ReadModelAbsent):
        await scene.snapshots.snapshot()
    report = await scene.replay().run()
    assert report.differences is None
    assert await dump(scene.pool) == live


async def test_a_starting_projection_rebuilds_what_was_wiped(scene: Scene) -> None:
    """A projection that finds no read model builds it and goes on from there."""
    ledger = LedgerBuilder(story())
    live = await serve_ledger(scene, ledger)
    await execute(scene.dsn, "drop schema projection cascade")
    async with running(scene.following()):
        await scene.wait_for(ledger.head.position)
        assert await dump(scene.pool) == live
        ledger.add(account_created(7))
        await scene.publish(ledger.records(after=ledger.head.position - 1))
        await scene.wait_for(ledger.head.position)


async def test_another_shape_is_rebuilt(scene: Scene) -> None:
    """A projection that finds tables of another shape builds its own; until then readers are told to wait."""
    ledger = LedgerBuilder(story())
    live = await serve_ledger(scene, ledger)
    await execute(scene.dsn, "update projection.progress set shape = 0")
    await execute(scene.dsn, "alter table projection.keys drop column name cascade")
    with pytest.raises(ReadModelAbsent):
        await scene.read_model.position()
    async with running(scene.following()):
        await scene.wait_served(ledger.head.position)
    assert await dump(scene.pool) == live


async def test_repairs_and_reports_differences(scene: Scene) -> None:
    """Rows that were altered, deleted or added are named, and the replay's rows replace them."""
    live = await serve_ledger(scene, LedgerBuilder(story()))
    await execute(scene.dsn, "update projection.accounts set name = name || ' ' where account_id like '%1'")
    await execute(scene.dsn, "delete from projection.keys where key_id like '%3'")
    await execute(
        scene.dsn,
        'insert into projection.keys select (jsonb_populate_record(keys, \'{"key_id":"key_x"}\')).*'
        " from projection.keys where key_id like '%01' and account_id is not null",
    )
    report = await scene.replay().run()
    assert report.differences == (
        TableDifference(table="accounts", rows=1, ids=(account_id(1),)),
        TableDifference(table="keys", rows=2, ids=(key_id(3), "key_x")),
    )
    assert await dump(scene.pool) == live


async def test_the_projection_carries_on_across_swaps(scene: Scene) -> None:
    """While events come and generations are swapped, the projection loses and repeats no event."""
    ledger = LedgerBuilder(story())
    async with running(scene.following(batch_events_max=5)) as task:
        await scene.wait_for(0)
        publishing = asyncio.create_task(_publish(scene, ledger))
        for _ in range(3):
            report = await scene.replay().run()
            assert report.differences == ()
        await publishing
        await scene.wait_for(ledger.head.position)
        assert not task.done()
    live = await dump(scene.pool)
    await scene.replay().run()
    assert await dump(scene.pool) == live


async def _publish(scene: Scene, ledger: LedgerBuilder) -> None:
    """Publish the ledger and then a thousand more keys, bit by bit."""
    await scene.publish(ledger.records())
    for number in range(1000, 2000, 10):
        start = ledger.head.position
        for each in range(number, number + 10):
            ledger.add(key_created(each))
        await scene.publish(ledger.records(after=start))


async def test_reads_go_on_through_swaps(scene: Scene) -> None:
    """Readers see one state throughout: no read fails or mixes two generations."""
    ledger = LedgerBuilder(story())
    await serve_ledger(scene, ledger)
    expected = await scene.snapshots.snapshot()
    reads = [asyncio.create_task(_reading(scene, expected.state)) for _ in range(4)]
    for _ in range(5):
        await scene.replay().run()
    for task in reads:
        task.cancel()
    outcomes = await asyncio.gather(*reads, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes), outcomes


async def _reading(scene: Scene, expected: State) -> None:
    while True:
        page = await scene.read_model.list_vendors(limit=10)
        assert [each.id for each in page] == sorted(expected.vendors, reverse=True)
        assert (await scene.snapshots.snapshot()).state == expected


async def test_a_long_read_keeps_its_generation(scene: Scene) -> None:
    """A swap waits for a snapshot under way, and readers of single rows do not wait for the swap."""
    await serve_ledger(scene, LedgerBuilder(story()))
    async with scene.pool.acquire() as connection, connection.transaction():
        await connection.execute("select pg_advisory_xact_lock_shared(hashtextextended('projection', 0))")
        replaying = asyncio.create_task(scene.replay().run())
        await _standing_still(scene)
        assert len(await scene.read_model.list_vendors(limit=1)) == 1
        assert not replaying.done()
    assert (await replaying).differences == ()


async def test_a_snapshot_waits_out_a_swap(scene: Scene) -> None:
    """A snapshot that begins during a swap waits for its end, so that it never mixes two generations."""
    await serve_ledger(scene, LedgerBuilder(story()))
    expected = await scene.snapshots.snapshot()
    async with open_generations(scene.dsn, STATE_SECRET) as generations, generations.standstill():
        snapshot = asyncio.create_task(scene.snapshots.snapshot())
        await _standing_still(scene)
        assert not snapshot.done()
    assert await snapshot == expected


async def _standing_still(scene: Scene) -> None:
    async def probe() -> bool:
        async with scene.pool.acquire() as connection:
            waiting = await connection.fetchval(
                "select count(*) from pg_locks where locktype = 'advisory' and not granted"
            )
            return bool(waiting)

    await eventually(probe)


async def test_one_replay_at_a_time(scene: Scene) -> None:
    """A second replay is refused while one runs, and changes nothing."""
    await serve_ledger(scene, LedgerBuilder(story()))
    async with open_generations(scene.dsn, STATE_SECRET) as generations:
        await generations.begin()
        with pytest.raises(ReplayRunning):
            await scene.replay().run()
        assert await schemas(scene) == {"projection", NEXT}


async def test_clears_up_after_a_killed_replay(scene: Scene) -> None:
    """What a replay that was killed at any point left behind does not hinder the next one."""
    await serve_ledger(scene, LedgerBuilder(story()))
    await execute(scene.dsn, f"create schema {NEXT}")
    await execute(scene.dsn, f"create schema {OLD}")
    await scene.replay().run()
    assert await schemas(scene) == {"projection"}


async def test_refuses_when_events_are_missing(scene: Scene) -> None:
    """A replay from a topic that ends before the serving position stops, and the old generation serves on."""
    ledger = LedgerBuilder(story())
    await serve_ledger(scene, ledger)
    published = ledger.head.position
    ledger.add(account_created(7))
    step = Step(events=ledger.recorded()[-1:], head=ledger.head, next_offset=ledger.head.position)
    await ReadModelWriter(scene.pool, STATE_SECRET).save(step)
    live = await dump(scene.pool)
    with pytest.raises(EventsMissing, match=f"ends at position {published}"):
        await scene.replay().run()
    assert await dump(scene.pool) == live
    progress = await serving_progress(scene.pool)
    assert progress is not None
    assert progress.head == ledger.head
