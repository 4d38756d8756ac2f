"""A gatekeeper and the ledger: what it applies, when it answers `stale`, and when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum

import asyncpg
import pytest
from msgspec.structs import replace

from keyfold.domain.access.decision import Reason
from keyfold.domain.lifecycle.fold import LifecycleEvent, stream_of
from keyfold.wire.events.chain import ChainedRow, Head, hash_row
from keyfold.wire.events.codec import encode_event
from keyfold.wire.events.record import lifecycle_record
from keyfold.wire.keys.format import KeyKind
from tests.support.eventually import eventually
from tests.support.gatekeeper.practice import BOTH, KEY, mint_key, practice, revoked, subscriber_key
from tests.support.gatekeeper.rows import read_rows
from tests.support.gatekeeper.world import Gatekeeper, World
from tests.support.ledger_builder import account_created
from tests.support.seals import NEXT_SIGNER, seal_row


class Trick(StrEnum):
    """How somebody who can write to the topic, and has no key, makes up a record."""

    UNSEALED = "it follows the chain and has no seal"
    OWN_SEAL = "it follows the chain and is sealed with another key"
    OLD_SEAL = "it follows the chain and has the seal of an earlier event"
    UNCHAINED = "it has a hash that follows nothing"
    ALTERED = "it has the hash and the seal of the true event"
    AHEAD = "it follows two more that were made up"


def forge(trick: Trick, last: ChainedRow, true: ChainedRow, event: LifecycleEvent) -> Sequence[ChainedRow]:
    """Return records that somebody has made up, to follow the last event in the true one's place."""
    name, data = encode_event(event)
    row = replace(true.row, stream=stream_of(event), version=1, type=name, data=data)
    row_hash = hash_row(last.hash, row)
    match trick:
        case Trick.UNSEALED:
            return [ChainedRow(row, row_hash, None)]
        case Trick.OWN_SEAL:
            own = NEXT_SIGNER.seal(Head(position=row.position, hash=row_hash))
            return [ChainedRow(row, row_hash, own)]
        case Trick.OLD_SEAL:
            return [ChainedRow(row, row_hash, last.seal)]
        case Trick.UNCHAINED:
            return [ChainedRow(row, bytes(32), bytes(64))]
        case Trick.ALTERED:
            return [true._replace(row=row)]
        case Trick.AHEAD:
            links = [ChainedRow(row, row_hash, None)]
            for _ in range(2):
                row = replace(row, position=row.position + 1)
                links.append(ChainedRow(row, hash_row(links[-1].hash, row), None))
            return links


@asynccontextmanager
async def hold_ledger(dsn: str) -> AsyncIterator[None]:
    """Lock the ledger's head, so that everyone waits as for a hung PostgreSQL."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute("lock table ledger.head in access exclusive mode")
            yield
    finally:
        await connection.close()


async def becomes(gatekeeper: Gatekeeper, reason: Reason | None) -> None:
    """Return when a good request is answered with that reason, or allowed."""

    async def is_answered_so() -> bool:
        return (await gatekeeper.ask("GET", "/v1/patient", BOTH)).reason == reason

    await eventually(is_answered_so)


async def lags(gatekeeper: Gatekeeper, *, more_than_s: float) -> bool:
    """Tell whether the last proof is older than that."""
    _, answer = await gatekeeper.get("/v1/position", gatekeeper.token("operator"))
    return isinstance(answer["lag_s"], float) and answer["lag_s"] > more_than_s


async def test_a_revocation_is_obeyed_once_it_is_applied(world: World) -> None:
    """A key created after the start works; once its revocation is applied, it never works again."""
    history = practice()
    await world.append(*history[: history.index(subscriber_key(KEY))])
    await world.project()
    async with world.gatekeeper() as gatekeeper:
        assert (await gatekeeper.ask("GET", "/v1/patient", BOTH)).reason == Reason.UNKNOWN_SUBSCRIBER_KEY
        await gatekeeper.reaches(await world.record(subscriber_key(KEY)))
        assert (await gatekeeper.ask("GET", "/v1/patient", BOTH)).status == 200
        position = await world.record(revoked())
        await gatekeeper.reaches(position)
        denied = await gatekeeper.ask("GET", "/v1/patient", BOTH)
        assert denied.reason == Reason.SUBSCRIBER_KEY_REVOKED
        assert gatekeeper.journal()[-1].position == position


async def test_before_the_state_is_known_everything_is_stale(world: World) -> None:
    """Without a read model the answer is 503 `stale`, with a record; readiness says what is missing."""
    await world.append(*practice())
    async with world.gatekeeper(is_ready=False) as gatekeeper:
        answer = await gatekeeper.ask("GET", "/v1/patient", BOTH)
        assert (answer.status, answer.reason) == (503, Reason.STALE)
        assert gatekeeper.journal()[-1].reason == Reason.STALE
        status, ready = await gatekeeper.get("/readyz")
        assert status == 503
        assert ready["reasons"] == {"state": "the state is not loaded yet", "lease": "no lease is held"}
        await world.project()
        await becomes(gatekeeper, None)


async def test_a_gatekeeper_that_hears_nothing_stops_allowing_and_recovers(world: World) -> None:
    """Once its lease has run out it answers 503 `stale`; denials keep their reasons; a beat revives it."""
    await world.append(*practice())
    await world.project()
    async with world.gatekeeper(STALENESS_MAX_S="1.5") as gatekeeper:
        assert (await gatekeeper.ask("GET", "/v1/patient", BOTH)).status == 200
        async with hold_ledger(world.dsn):
            await becomes(gatekeeper, Reason.STALE)
            assert (await gatekeeper.ask("GET", "/v1/note", BOTH)).reason == Reason.CATEGORY_DENIED
            assert (await gatekeeper.get("/readyz"))[0] == 503
        await becomes(gatekeeper, None)


async def test_without_a_bound_it_goes_on_through_an_outage(world: World) -> None:
    """With a bound of 0 an outage of PostgreSQL stops nothing, and no lease has an end."""
    await world.append(*practice())
    await world.project()
    async with world.gatekeeper(STALENESS_MAX_S="0") as gatekeeper:
        assert [lease_s for _, lease_s in await read_rows(world.dsn)] == [None]
        async with hold_ledger(world.dsn):
            await eventually(lambda: lags(gatekeeper, more_than_s=2))
            assert (await gatekeeper.ask("GET", "/v1/patient", BOTH)).status == 200


async def test_no_lease_is_held_on_a_head_that_was_not_applied(world: World) -> None:
    """Events that the ledger has and Kafka has not delivered make every allow stale until they come."""
    await world.append(*practice())
    await world.project()
    position = await world.append(account_created(9))
    async with world.gatekeeper(is_ready=False, STALENESS_MAX_S="5") as gatekeeper:
        await gatekeeper.reaches(position - 1)
        assert (await gatekeeper.ask("GET", "/v1/patient", BOTH)).reason == Reason.STALE
        await world.publish(position - 1)
        await becomes(gatekeeper, None)


async def test_its_row_tells_how_far_it_is_and_goes_with_it(world: World) -> None:
    """The row follows the applied position, and a clean shutdown removes it."""
    await world.append(*practice())
    await world.project()
    async with world.gatekeeper() as gatekeeper:
        position = await world.record(account_created(9))
        await gatekeeper.reaches(position)

        async def is_told() -> bool:
            return await read_rows(world.dsn) == [(position, 60.0)]

        await eventually(is_told)
    assert await read_rows(world.dsn) == []


@pytest.mark.parametrize("trick", list(Trick))
async def test_a_forged_record_changes_nothing(world: World, trick: Trick) -> None:
    """Who can write to the topic lets nobody in by it and shuts nobody out; the true event still counts."""
    await world.append(*practice())
    await world.project()
    forged_key, key = mint_key(KeyKind.SUBSCRIBER, 901), mint_key(KeyKind.SUBSCRIBER, 902)
    async with world.gatekeeper() as gatekeeper:
        position = await world.append(subscriber_key(key), account_created(9))
        last, true, _ = await world.ledger.rows_after(position - 3, 3)
        forged = forge(trick, last, true, subscriber_key(forged_key))
        await world.publish_records(*(lifecycle_record(*link) for link in forged))
        await world.publish(position - 2)
        await gatekeeper.reaches(position)
        asked = [
            await gatekeeper.ask("GET", "/v1/patient", {**BOTH, "A-api-key": each.secret})
            for each in (forged_key, KEY, key)
        ]
        assert [answer.reason for answer in asked] == [Reason.UNKNOWN_SUBSCRIBER_KEY, None, None]
        assert "forged_record" in [line["event"] for line in gatekeeper.log()]


async def test_a_sealed_event_that_nobody_understands_denies(world: World) -> None:
    """A gatekeeper that cannot understand the next event stays up, answers `stale` and says where."""
    await world.append(*practice())
    await world.project()
    async with world.gatekeeper(STALENESS_MAX_S="0") as gatekeeper:
        last = (await world.ledger.rows_after(0, 1000))[-1]
        row = replace(last.row, position=last.row.position + 1, type="keyfold.account.merged")
        unknown = seal_row(row, hash_row(last.hash, row))
        await world.publish_records(lifecycle_record(*unknown))
        await becomes(gatekeeper, Reason.STALE)
        assert (await gatekeeper.ask("GET", "/v1/note", BOTH)).reason == Reason.CATEGORY_DENIED

        async def has_gone() -> bool:
            return await read_rows(world.dsn) == []

        await eventually(has_gone)  # nobody waits for it any more
        _, ready = await gatekeeper.get("/readyz")
        assert f"past position {last.row.position}, to keyfold.account.merged" in str(ready["reasons"])
        assert "; see docs/operating.md, An event that stops a fold" in str(ready["reasons"])


async def test_missing_events_deny_until_they_come(world: World) -> None:
    """A gap is a denial at once, whatever the bound, and its end is seen without a restart."""
    await world.append(*practice())
    await world.project()
    async with world.gatekeeper(STALENESS_MAX_S="0") as gatekeeper:
        last = await world.append(account_created(8), account_created(9))
        await world.publish(last - 1)
        await becomes(gatekeeper, Reason.STALE)
        assert "events are missing" in str((await gatekeeper.get("/readyz"))[1]["reasons"])
        await world.publish(last - 2)
        await becomes(gatekeeper, None)
        await gatekeeper.reaches(last)


async def test_kill_9_loses_no_answer(world: World) -> None:
    """Every request that was answered before the process was killed has its record."""
    await world.append(*practice())
    await world.project()
    async with world.gatekeeper() as gatekeeper:
        answered: list[str] = []

        async def ask_for_ever() -> None:
            while True:
                answer = await gatekeeper.ask("GET", "/v1/patient", BOTH)
                answered.append(answer.headers["X-Keyfold-Decision"])

        async def enough() -> bool:
            return len(answered) > 500

        load = [asyncio.create_task(ask_for_ever()) for _ in range(16)]
        await eventually(enough)
        await gatekeeper.child.kill()
        await asyncio.wait(load)
        recorded = {record.event_id for record in gatekeeper.journal()}
        assert set(answered) <= recorded
        assert len(answered) == len(set(answered))
        assert len(recorded) <= len(answered) + 16
        assert all(isinstance(task.exception(), Exception) for task in load)
