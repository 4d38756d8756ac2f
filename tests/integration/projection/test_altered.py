"""Rows that somebody edited by SQL are believed by nobody, whatever is folded into them, until a replay."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random

import pytest
from msgspec.structs import replace

from keyfold.domain.lifecycle.fold import RecordedEvent
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import (
    ActiveSubscriberKey,
    SubscriberKeyPermissionsChanged,
)
from keyfold.domain.permissions import Access, Category, Permissions
from keyfold.projection.checking import keep_checking
from keyfold.runtime.metrics import exposition
from keyfold.store.postgres.errors import ReadModelAbsent, ReadModelAltered, UnfoldableEvent
from keyfold.store.read_model.generations import open_generations
from keyfold.store.read_model.snapshots import Snapshots
from keyfold.store.read_model.writer import ReadModelWriter, Step
from keyfold.wire.events.chain import GENESIS, Head
from keyfold.wire.keys.packed_key import pack_key, unpack_key
from keyfold.wire.proof.state_digest import StateSecret
from tests.support.eventually import eventually, eventually_so
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
from tests.support.store.altering import columns_of, flip, restore, save

COPIES = {"account_id", "vendor_id", "name", "expires_at", "revoked_at", "due_at"}
"""Columns of keys that nothing is decided by: what is packed of the key says it, and is believed."""
KEYS_AS_SAVED = "delete from projection.keys; insert into projection.keys table saved.keys"
KEY_ROW = "select packed, version from projection.keys"
PUT_KEY = "update projection.keys set packed = $1, version = $2"
UNBELIEVED = (ReadModelAltered, ReadModelAbsent)
"""What is raised instead of a snapshot; of another shape, or without progress, there is none at all."""
WHOLE_TABLES = (
    "delete from projection.keys where key_id = (select min(key_id) from projection.keys)",
    "delete from projection.accounts",
    'insert into projection.keys select (jsonb_populate_record(keys, \'{"key_id":"key_x"}\')).*'
    " from projection.keys where key_id = (select min(key_id) from projection.keys)",
    "update projection.keys as one set packed = other.packed from projection.keys as other"
    " where one.key_id <> other.key_id",
    "alter table projection.keys drop constraint keys_pkey;"
    " insert into projection.keys select * from projection.keys limit 1",
    "alter table projection.vendors rename column state to condition",
    "alter table projection.accounts rename column name to called",
    "alter table projection.keys alter column version type text using version::text",
    "alter table projection.keys alter column packed type text using packed::text",
    "alter table projection.progress drop constraint progress_head_check;"
    " update projection.progress set head = head || '\\x00'",
    "update projection.progress set position = 9000000",
    "delete from projection.progress",
    "drop table projection.progress",
    "drop table projection.keys cascade",
)


async def build(scene: Scene) -> LedgerBuilder:
    """Serve a ledger from its topic."""
    ledger = LedgerBuilder(story())
    await scene.publish(ledger.records())
    await scene.replay().run()
    return ledger


async def test_one_bit_anywhere_is_seen(scene: Scene) -> None:
    """One bit flipped in any column of any table, and no snapshot is given; as it was, it is believed.

    A copy by which keys are found decides nothing: the snapshot is the same, and a check names the key.
    """
    await build(scene)
    expected, random = await scene.snapshots.snapshot(), Random(11)
    await save(scene.pool)
    for table, column, type_ in await columns_of(scene.pool):
        if column == "singleton":  # it can have one value only
            continue
        for _ in range(3):
            statement = flip(table, column, type_, random)
            assert await scene.pool.execute(statement) == "UPDATE 1", statement
            with pytest.raises(UNBELIEVED):
                await scene.snapshots.check()
            if table == "keys" and column in COPIES:
                assert await scene.snapshots.snapshot() == expected, statement
            else:
                with pytest.raises(UNBELIEVED):
                    await scene.snapshots.snapshot()
            await restore(scene.pool)
            assert await scene.snapshots.snapshot() == expected


async def test_whole_rows_and_tables_are_seen_and_mended(scene: Scene) -> None:
    """Rows removed, added, swapped or doubled, tables changed, the progress too: none is believed, and a
    replay mends each of them.
    """
    await build(scene)
    expected, live = await scene.snapshots.snapshot(), await dump(scene.pool)
    for statement in WHOLE_TABLES:
        await scene.pool.execute(statement)
        with pytest.raises(UNBELIEVED):
            await scene.snapshots.snapshot()
        await scene.pool.expire_connections()
        await scene.replay().run()
        assert await scene.snapshots.snapshot() == expected
        assert await dump(scene.pool) == live


async def test_another_secret_believes_nothing(scene: Scene) -> None:
    """Whoever was given another secret says so, and reads nothing."""
    await build(scene)
    with pytest.raises(ReadModelAltered, match="another KEYFOLD_STATE_SECRET"):
        await Snapshots(scene.pool, StateSecret(b"another secret of thirty-two byt")).snapshot()


async def test_a_starting_projection_mends_what_was_altered(scene: Scene) -> None:
    """A projection that finds altered rows, or altered copies, builds the read model anew first."""
    ledger = await build(scene)
    live = await dump(scene.pool)
    for statement in (WHOLE_TABLES[3], "update projection.keys set name = 'Else' where name is not null"):
        await scene.pool.execute(statement)
        async with running(scene.following()):
            await scene.wait_for(ledger.head.position)

            async def is_mended() -> bool:
                return await dump(scene.pool) == live

            await eventually(is_mended)


async def test_a_check_finds_it_before_anybody_loads(scene: Scene) -> None:
    """While a projection runs, a metric says that the read model was altered, and then that it was mended."""
    await build(scene)
    await scene.pool.execute("update projection.keys set name = 'Else' where name is not null")
    checking = asyncio.create_task(keep_checking(scene.snapshots, interval_s=0.01))
    try:
        await eventually_so(lambda: is_measured(1))
        await scene.replay().run()
        await eventually_so(lambda: is_measured(0))
    finally:
        checking.cancel()


def is_measured(value: float) -> bool:
    """Tell whether the metric has this value."""
    return f"keyfold_projection_read_model_altered {value:.1f}\n".encode() in exposition()


async def test_an_old_generation_is_not_believed_in_place_of_the_new(scene: Scene) -> None:
    """Rows of an earlier position, put back under the present progress, are not believed."""
    ledger = LedgerBuilder(story())
    events = ledger.recorded()
    await serve_nothing(scene)
    writer = ReadModelWriter(scene.pool, STATE_SECRET)
    half = len(events) // 2
    await writer.save(step_of(events[:half]))
    await save(scene.pool)
    await writer.save(step_of(events[half:]))
    assert (await scene.snapshots.snapshot()).head == ledger.head
    await scene.pool.execute(KEYS_AS_SAVED)
    with pytest.raises(ReadModelAltered):
        await scene.snapshots.snapshot()
    await restore(
        scene.pool
    )  # with its own progress it is true, and old: whoever loads it follows on from there
    assert (await scene.snapshots.snapshot()).head.position == half


async def test_the_fold_is_not_led_to_another_order(scene: Scene) -> None:
    """Two events folded in the other order, each into the row that the other one makes, leave a sum of rows
    that are all the ledger's own; it is another sum all the same.
    """
    ledger = LedgerBuilder([account_created(1), key_created(1), granted(Access.WRITE), granted(Access.NONE)])
    events = ledger.recorded()
    await serve_nothing(scene)
    writer = ReadModelWriter(scene.pool, STATE_SECRET)
    await writer.save(step_of(events[:2]))
    (first,) = await scene.pool.fetch(KEY_ROW)
    key = unpack_key(key_id(1), first["packed"])
    assert isinstance(key, ActiveSubscriberKey)
    await scene.pool.execute(PUT_KEY, pack_key(replace(key, permissions=granted(Access.NONE).permissions)), 3)
    await writer.save(step_of(events[2:3]))
    (writes,) = await scene.pool.fetch(KEY_ROW)
    await scene.pool.execute(PUT_KEY, *first)
    await writer.save(step_of(events[3:]))
    await scene.pool.execute(PUT_KEY, *writes)
    with pytest.raises(ReadModelAltered):
        await scene.snapshots.snapshot()


def granted(access: Access) -> SubscriberKeyPermissionsChanged:
    """Return the event by which the key may do this with appointments."""
    permissions = Permissions.of({Category.APPOINTMENT: access})
    return SubscriberKeyPermissionsChanged(
        key_id=key_id(1), account_id=account_id(1), permissions=permissions
    )


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_is_laundered_by_the_fold(scene: Scene, seed: int) -> None:
    """Whatever rows are edited between steps, or taken back to what they once were: in the end the state is
    what the ledger says, or it is not believed. Going back and folding again does not help.
    """
    random = Random(seed)
    ledger = LedgerBuilder(story())
    events = ledger.recorded()
    true = State()
    for recorded in events:
        true.fold(recorded.event)
    believed = 0
    await serve_nothing(scene)
    columns = [each for each in await columns_of(scene.pool) if each[1] not in COPIES]
    for _ in range(12):
        await serve_nothing(scene)
        await save(scene.pool)
        try:
            await fold_with_edits(scene, events, columns, random)
            snapshot = await scene.snapshots.snapshot()
        except (ReadModelAltered, UnfoldableEvent):
            continue
        assert snapshot.state == true
        believed += 1
    assert believed < 12


async def fold_with_edits(
    scene: Scene, events: Sequence[RecordedEvent], columns: list[tuple[str, str, str]], random: Random
) -> None:
    """Fold events in steps of one to six, and edit rows between them."""
    writer, at, edits = ReadModelWriter(scene.pool, STATE_SECRET), 0, 0
    while at < len(events):
        step = step_of(events[at : at + random.randint(1, 6)])
        await writer.save(step)
        at = step.head.position
        match random.randint(0, 9):
            case 0 if at > 3:
                table, column, type_ = random.choice([each for each in columns if each[0] != "progress"])
                await scene.pool.execute(flip(table, column, type_, random))
            case 1:
                await save(scene.pool)
            case 2:  # the rows of one table as they once were
                await scene.pool.execute(KEYS_AS_SAVED)
            case 3 if edits == 0:  # all of it as it once was: then the ledger is folded from there again
                await restore(scene.pool)
                at = int(await scene.pool.fetchval("select position from projection.progress"))
                edits += 1
            case _:
                pass


def step_of(events: Sequence[RecordedEvent]) -> Step:
    """Return the step that folds events."""
    head = Head(position=events[-1].position, hash=events[-1].hash) if events else GENESIS
    return Step(events=events, head=head, next_offset=head.position)


async def serve_nothing(scene: Scene) -> None:
    """Let a generation serve that no event was folded into."""
    async with open_generations(scene.dsn, STATE_SECRET) as generations:
        await generations.begin()
        async with generations.standstill():
            await generations.swap()
        await generations.drop_old()
