"""The projection against a real broker and a real database."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from keyfold.domain.ids import StreamId
from keyfold.domain.lifecycle.state import State
from keyfold.kafka.dead_letters.quota import LETTERS_MAX
from keyfold.kafka.dead_letters.record import ORIGIN_OFFSET, ORIGIN_TOPIC, REASON
from keyfold.projection.following import ProjectionLoop
from keyfold.store.postgres.errors import Fenced
from keyfold.store.read_model.generations import serving_progress
from keyfold.store.read_model.writer import ReadModelWriter, Step
from keyfold.wire.events.chain import Head
from keyfold.wire.events.codec import UnknownEvent
from keyfold.wire.events.record import SOURCE
from keyfold.wire.record import Record
from tests.support.database import execute
from tests.support.eventually import eventually
from tests.support.kafka.records import read_all
from tests.support.ledger_builder import LedgerBuilder, account_created, key_created, key_revoked, story
from tests.support.projection.running import dump, running
from tests.support.projection.scene import Scene
from tests.support.state_secret import STATE_SECRET

FOREIGN = Record(key=None, value=b"hello", headers=(("ce_source", b"/elsewhere"),), timestamp_ms=1)


def fold_events(ledger: LedgerBuilder) -> State:
    """Return what the ledger's events fold into in memory."""
    state = State()
    for recorded in ledger.recorded():
        state.fold(recorded.event)
    return state


async def test_folds_as_memory_does(scene: Scene) -> None:
    """The tables hold exactly the state that the events fold into, with the head and the offset reached."""
    ledger = LedgerBuilder(story())
    await scene.publish(ledger.records())
    async with running(scene.following(batch_events_max=3)):
        await scene.wait_for(ledger.head.position)
    snapshot = await scene.snapshots.snapshot()
    assert snapshot.state == fold_events(ledger)
    assert (snapshot.head, snapshot.next_offset) == (ledger.head, len(ledger.rows))


@pytest.mark.parametrize("batch_events_max", [1, 2, 1000])
async def test_batches_do_not_matter(scene: Scene, batch_events_max: int) -> None:
    """However events are split into batches, a stopped projection goes on with the same result."""
    ledger = LedgerBuilder(story())
    half = len(ledger.rows) // 2
    async with running(scene.following(batch_events_max=batch_events_max)):
        await scene.publish(ledger.records()[:half])
        await scene.wait_for(half)
    async with running(scene.following(batch_events_max=batch_events_max)):
        await scene.publish(ledger.records()[half:])
        await scene.wait_for(ledger.head.position)
    assert (await scene.snapshots.snapshot()).state == fold_events(ledger)


async def test_drops_repeats(scene: Scene) -> None:
    """Events that the relay publishes again, few or many, change nothing."""
    ledger = LedgerBuilder(story())
    records = ledger.records()
    await scene.publish([*records[:9], *records[4:], *records])
    async with running(scene.following()):
        await scene.wait_for(ledger.head.position)
    snapshot = await scene.snapshots.snapshot()
    assert snapshot.state == fold_events(ledger)
    assert snapshot.next_offset == 9 + len(records) - 4 + len(records)


async def test_waits_at_a_gap(scene: Scene) -> None:
    """A missing position holds up all after it, readiness says which, and the fold goes on once it comes."""
    ledger = LedgerBuilder(story())
    records = ledger.records()
    following = scene.following()
    async with running(following):
        await scene.wait_for(0)
        await scene.publish([*records[:5], *records[6:]])
        await says(following, "position 7 follows 5: 1 events are missing")
        assert await scene.read_model.position() == 5
        await scene.publish(records)
        await scene.wait_for(ledger.head.position)


async def test_passes_over_an_altered_event(scene: Scene) -> None:
    """An event that was altered on its way changes nothing, and the true one is awaited."""
    ledger = LedgerBuilder(story())
    records = ledger.records()
    altered = replace(records[3], value=(records[3].value or b"").replace(b"pass", b"fail"))
    async with running(scene.following()):
        await scene.wait_for(0)
        await scene.publish([*records[:3], altered])
        await scene.wait_for(3)
        await scene.publish(records[3:])
        await scene.wait_for(ledger.head.position)
    letters = await read_all(scene.topic.kafka, scene.topic.dead_letter_name)
    assert [letter.value for letter in letters] == [altered.value]


async def test_stops_at_an_unknown_event(scene: Scene) -> None:
    """At an event of the ledger that this code does not know the fold stops, and readiness says which."""
    ledger = LedgerBuilder([account_created(1)])
    with pytest.raises(UnknownEvent):
        ledger.add_raw("keyfold.account.moved", "{}", stream=StreamId("account-acc_000000000001"))
    following = scene.following()
    async with running(following):
        await scene.wait_for(0)
        await scene.publish(ledger.records())
        await says(following, "to keyfold.account.moved at position 2: ")
        assert (following.unready() or "").endswith("; see docs/operating.md, An event that stops a fold")
    assert await scene.read_model.position() == 1


async def test_stops_at_an_impossible_event(scene: Scene) -> None:
    """At an event that the state does not allow the fold stops, and nothing of its batch is saved."""
    ledger = LedgerBuilder([account_created(1), key_revoked(7)])
    following = scene.following()
    async with running(following):
        await scene.wait_for(0)
        await scene.publish(ledger.records())
        await says(following, "the event at position 2 cannot be folded")
    assert await scene.read_model.position() == 0


async def says(following: ProjectionLoop, reason: str) -> None:
    """Return when readiness gives a reason."""

    async def is_said() -> bool:
        return reason in (following.unready() or "")

    await eventually(is_said)


async def test_dead_letters_what_is_foreign(scene: Scene) -> None:
    """A record that is not from the ledger becomes a dead letter, with its reason, and the fold goes on."""
    ledger = LedgerBuilder(story())
    records = ledger.records()
    async with running(scene.following()):
        await scene.publish([*records[:4], FOREIGN, *records[4:], FOREIGN])
        await scene.wait_for(ledger.head.position)
        await _offset_reached(scene, len(records) + 2)
    letters = await read_all(scene.topic.kafka, scene.topic.dead_letter_name)
    assert [record.value for record in letters] == [b"hello", b"hello"]
    headers = dict(letters[0].headers)
    assert headers[REASON] == b"its source is not /keyfold/ledger"
    assert (headers[ORIGIN_TOPIC], headers[ORIGIN_OFFSET]) == (scene.topic.name.encode(), b"4")


async def _offset_reached(scene: Scene, offset: int) -> None:
    async def probe() -> bool:
        progress = await serving_progress(scene.pool)
        return progress is not None and progress.next_offset == offset

    await eventually(probe)


async def test_does_not_dead_letter_in_masses(scene: Scene) -> None:
    """However many foreign records come, the fold goes on past them, and only the first are kept."""
    ledger = LedgerBuilder(story())
    async with running(scene.following()):
        await scene.wait_for(0)
        await scene.publish([FOREIGN] * 3000)
        await scene.publish(ledger.records())
        await scene.wait_for(ledger.head.position)
    assert len(await read_all(scene.topic.kafka, scene.topic.dead_letter_name)) == LETTERS_MAX


async def test_passes_over_headers_without_a_value(scene: Scene) -> None:
    """A header that has a name and no value, which Kafka allows, is as foreign as any other."""
    ledger = LedgerBuilder(story())
    nothing: Any = None
    strange = replace(FOREIGN, headers=(("ce_source", SOURCE.encode()), ("ce_position", nothing)))
    async with running(scene.following()):
        await scene.wait_for(0)
        await scene.publish([strange, *ledger.records()])
        await scene.wait_for(ledger.head.position)


async def test_is_ready_when_caught_up(scene: Scene) -> None:
    """A projection is ready once it has folded what the topic held when it started."""
    ledger = LedgerBuilder(story())
    await scene.publish(ledger.records())
    following = scene.following()
    assert following.unready() == "the read model is being prepared"
    async with running(following):
        await scene.wait_for(ledger.head.position)

        async def ready() -> bool:
            return following.unready() is None

        await eventually(ready)


async def test_a_second_projection_is_fenced(scene: Scene) -> None:
    """The second of two writers at one position finds the read model moved, and writes nothing."""
    ledger = LedgerBuilder([account_created(1), key_created(1)])
    async with running(scene.following()):
        await scene.publish(ledger.records())
        await scene.wait_for(2)
    before = await dump(scene.pool)
    zombie = ReadModelWriter(scene.pool, STATE_SECRET)
    revoked = ledger.add(key_revoked(1))
    late = Step(
        events=[ledger.recorded()[1], revoked], head=Head(position=3, hash=revoked.hash), next_offset=3
    )
    with pytest.raises(Fenced, match="not at position 1"):
        await zombie.save(late)
    assert await dump(scene.pool) == before


async def test_another_shape_is_fenced(scene: Scene) -> None:
    """A writer whose shape differs from the tables' writes nothing."""
    async with running(scene.following()):
        await scene.wait_for(0)
    await execute(scene.dsn, "update projection.progress set shape = 0")
    event = LedgerBuilder([account_created(1)]).recorded()[0]
    with pytest.raises(Fenced):
        await ReadModelWriter(scene.pool, STATE_SECRET).save(
            Step(events=[event], head=Head(position=1, hash=event.hash), next_offset=1)
        )


async def test_survives_lost_connections(scene: Scene) -> None:
    """A projection whose connections are cut goes on by itself and neither loses nor repeats an event."""
    ledger = LedgerBuilder(account_created(number) for number in range(1, 201))
    records = ledger.records()
    async with running(scene.following(batch_events_max=2)) as task:
        for start in range(0, 200, 20):
            await scene.publish(records[start : start + 20])
            await execute(
                scene.dsn,
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()",
            )
        await scene.wait_for(200)
        assert not task.done()
    assert (await scene.snapshots.snapshot()).state == fold_events(ledger)


async def test_waits_are_woken(scene: Scene) -> None:
    """A wait for a position ends when it is reached, or reports that the time is up."""
    ledger = LedgerBuilder([account_created(1)])
    async with running(scene.following()):
        await scene.wait_for(0)
        waits = [asyncio.create_task(scene.read_model.caught_up(1, 10)) for _ in range(50)]
        assert not await scene.read_model.caught_up(1, 0.05)
        await scene.publish(ledger.records())
        assert all(await asyncio.gather(*waits))
        assert await scene.read_model.caught_up(1, 0)
