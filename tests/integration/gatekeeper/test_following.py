"""A gatekeeper and the ledger: what it applies, when it answers `stale`, and when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from msgspec.structs import replace

from keyfold.domain.access.decision import Reason
from keyfold.wire.events.chain import seal
from keyfold.wire.events.record import lifecycle_record
from tests.support.eventually import eventually
from tests.support.gatekeeper.practice import BOTH, KEY, practice, revoked, subscriber_key
from tests.support.gatekeeper.rows import read_rows
from tests.support.gatekeeper.world import Gatekeeper, World
from tests.support.ledger_builder import account_created


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


@pytest.mark.parametrize("fault", ["gap", "chain", "unknown"])
async def test_what_cannot_be_followed_ends_the_process(world: World, fault: str) -> None:
    """A gap, a broken chain or an unknown event ends the process non-zero, with one line that says where."""
    await world.append(*practice())
    await world.project()
    async with world.gatekeeper() as gatekeeper:
        first = await world.append(account_created(8), account_created(9))
        (_, before), (row, row_hash), last = await world.ledger.rows_after(first - 3, 3)
        if fault == "gap":
            row, row_hash = last
        if fault == "chain":
            row = replace(row, actor_subject="mallory")
        if fault == "unknown":
            row = replace(row, type="keyfold.account.merged")
            row_hash = seal(before, row)
        await world.publish_records(lifecycle_record(row, row_hash))
        assert await gatekeeper.ended() == 1
        failed = [line for line in gatekeeper.log() if line["event"] == "service_failed"]
        assert len(failed) == 1
        assert f"the ledger cannot be followed past position {len(practice())}" in str(failed[0]["error"])


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
