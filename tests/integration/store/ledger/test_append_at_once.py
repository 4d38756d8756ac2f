"""What was decided on one look at the ledger is recorded in one round trip, unless somebody was faster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from keyfold.domain.ids import StreamId, account_stream
from keyfold.domain.lifecycle.fold import LifecycleEvent, stream_of
from keyfold.store.ledger.append import Ledger
from keyfold.store.ledger.read_set import Expected, ReadSet
from keyfold.store.postgres.connection import Connection, Pool, open_connection, open_pool
from keyfold.store.postgres.errors import CommitUnknown, VersionConflict
from keyfold.wire.events.chain import GENESIS, Head
from tests.support.eventually import eventually
from tests.support.seals import follow, ledger_on
from tests.support.store.events import ACCOUNT, CREATED, DISABLED, ENABLED, created, draft, now, open_ledger

STREAM = account_stream(ACCOUNT)
WAITING = "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"


async def _expected(ledger: Ledger, *streams: StreamId) -> Expected:
    """Return what a decision on these streams expects to be so still when its events are recorded."""
    return (await ledger.look(ReadSet(streams=frozenset(streams)), now())).expect()


async def _followed(ledger: Ledger) -> Head:
    """Return the head, having followed the chain to it."""
    at = GENESIS
    for row, row_hash, _ in await ledger.rows_after(0, 100):
        at = follow(at, row, row_hash) or pytest.fail("a position is repeated")
    assert await ledger.head() == at
    return at


@asynccontextmanager
async def _head_held(database: str) -> AsyncIterator[Connection]:
    """Hold the head as a gatekeeper's beat does, and yield a connection that does not."""
    async with (
        open_connection(database, application_name="beat") as beat,
        open_connection(database, application_name="watch") as watch,
        beat.transaction(),
    ):
        await beat.execute("select from ledger.head for share")
        yield watch


async def _waiting(watch: Connection) -> int:
    """Return the process id of the session that waits for a lock, once there is one."""

    async def found() -> bool:
        return await watch.fetchval(WAITING) is not None

    await eventually(found)
    return int(await watch.fetchval(WAITING))


async def _statements(pool: Pool, ledger: Ledger, event: LifecycleEvent, expected: Expected) -> int:
    """Append the event; return how many statements that took on the pool's only connection."""
    statements: list[str] = []
    connection = await pool.acquire()
    with connection.query_logger(lambda done: statements.append(done.query)):
        await pool.release(connection)
        await ledger.append([draft(event)], expected, now())
    return len(statements)


async def test_one_round_trip(database: str) -> None:
    """An append on a look takes one statement, which begins, locks, compares, records and commits."""
    async with open_pool(database, application_name="test", size_max=1) as pool:
        ledger = ledger_on(pool)
        await ledger.append([draft(CREATED)], await _expected(ledger, STREAM), now())
        assert await _statements(pool, ledger, ENABLED, await _expected(ledger, STREAM)) == 1
        assert (await _followed(ledger)).position == 2


async def test_who_is_not_alone_does_not_try(database: str) -> None:
    """Whoever was overtaken locks the head first, until it finds it once where it was seen."""
    async with open_pool(database, application_name="test", size_max=1) as pool:
        ledger = ledger_on(pool)
        await ledger.append([draft(CREATED)], await _expected(ledger, STREAM), now())
        overtaken = await _expected(ledger, STREAM)
        await ledger.append([draft(created(7))], await _expected(ledger, stream_of(created(7))), now())
        begun_locked_appended_committed = 4
        assert await _statements(pool, ledger, ENABLED, overtaken) == 1 + begun_locked_appended_committed
        alone = await _expected(ledger, STREAM)
        assert await _statements(pool, ledger, DISABLED, alone) == begun_locked_appended_committed
        assert await _statements(pool, ledger, ENABLED, await _expected(ledger, STREAM)) == 1
        assert (await _followed(ledger)).position == 5


async def test_somebody_was_faster_elsewhere(database: str) -> None:
    """An append whose head has moved on, and nothing else of what it looked at, follows the new head."""
    other = draft(created(7))
    async with open_ledger(database) as ledger:
        expected = await _expected(ledger, STREAM)
        await ledger.append([other], await _expected(ledger, other.stream), now())
        recorded = await ledger.append([draft(CREATED), draft(ENABLED)], expected, now())
        assert [each.position for each in recorded] == [2, 3]
        assert await _followed(ledger) == Head(position=3, hash=recorded[-1].hash)


async def test_another_head_at_the_same_position(database: str) -> None:
    """An append seals the hash that the ledger has, whatever was seen at its position."""
    async with open_ledger(database) as ledger:
        await ledger.append([draft(CREATED)], {STREAM: 0}, now())
        seen = replace(await _expected(ledger, STREAM), head=Head(position=1, hash=bytes(32)))
        await ledger.append([draft(ENABLED)], seen, now())
        assert (await _followed(ledger)).position == 2


async def test_somebody_was_faster_here(database: str) -> None:
    """An append on a stream that has moved on since it was looked at records nothing."""
    async with open_ledger(database) as ledger:
        await ledger.append([draft(CREATED)], {STREAM: 0}, now())
        expected = await _expected(ledger, STREAM)
        await ledger.append([draft(ENABLED)], expected, now())
        with pytest.raises(VersionConflict):
            await ledger.append([draft(DISABLED)], expected, now())
        assert (await _followed(ledger)).position == 2


async def test_clock_goes_back(database: str) -> None:
    """When the clock goes back after the look, the event is recorded at the time of the one before."""
    at = now()
    async with open_ledger(database) as ledger:
        await ledger.append([draft(CREATED)], {STREAM: 0}, at)
        expected = await _expected(ledger, STREAM)
        (recorded,) = await ledger.append([draft(ENABLED)], expected, at - timedelta(hours=1))
        assert recorded.recorded_at == at
        assert (await _followed(ledger)).position == 2


async def test_waits_for_a_beat(database: str) -> None:
    """An append waits for a beat that holds the head, so that one of them always knows of the other."""
    async with open_ledger(database) as ledger:
        expected = await _expected(ledger, STREAM)
        async with _head_held(database) as watch:
            appending = asyncio.create_task(ledger.append([draft(CREATED)], expected, now()))
            await _waiting(watch)
            assert not appending.done()
        assert [each.position for each in await appending] == [1]


async def test_lost_half_way(database: str) -> None:
    """An append whose connection is lost may have been committed for all that anybody knows, and says so."""
    async with open_ledger(database) as ledger:
        expected = await _expected(ledger, STREAM)
        async with _head_held(database) as watch:
            appending = asyncio.create_task(ledger.append([draft(CREATED)], expected, now()))
            await watch.execute(f"select pg_terminate_backend({await _waiting(watch)})")
            with pytest.raises(CommitUnknown):
                await appending
        assert await _followed(ledger) == GENESIS
