"""One process leads and the other stands by; a leader that loses its PostgreSQL session stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from keyfold.store.ledger.relay_offset import RelayOffset
from keyfold.store.postgres.connection import open_connection, open_pool
from keyfold.store.postgres.errors import LeadershipLost
from keyfold.store.postgres.leadership import LeaderLock, Leadership
from keyfold.store.postgres.statements import load_statements
from tests.support.eventually import eventually, eventually_so

END_SESSIONS = """
select pg_terminate_backend(pid) from pg_stat_activity
where application_name like 'keyfold leader %' and datname = current_database()
"""


class Work:
    """Work that goes on until it is cancelled, and counts how often it began and ended."""

    def __init__(self) -> None:
        self.began = 0
        self.ended = 0

    async def __call__(self) -> None:
        self.began += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.ended += 1


@asynccontextmanager
async def _candidate(database: str, work: Callable[[], Awaitable[None]]) -> AsyncIterator[Leadership]:
    leadership = Leadership(database, LeaderLock.RELAY)
    task = asyncio.create_task(leadership.run(work))
    try:
        yield leadership
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _leads(leadership: Leadership) -> bool:
    return leadership.leading


async def test_second_stands_by(database: str) -> None:
    """While one leads, the other does nothing; when the leader goes, the other takes over."""
    first, second = Work(), Work()
    async with _candidate(database, second) as standby:
        async with _candidate(database, first) as leader:
            await eventually(lambda: _either(leader, standby))
            running, waiting = (first, second) if leader.leading else (second, first)
            await eventually_so(lambda: running.began == 1)
            assert (running.ended, waiting.began) == (0, 0)
        await eventually_so(lambda: second.began == second.ended + 1)
        assert standby.leading
        assert first.began == first.ended


async def _either(one: Leadership, other: Leadership) -> bool:
    return one.leading != other.leading


async def test_lost_session(database: str) -> None:
    """A leader whose session is ended stops its work at once, and leads again with another session."""
    work = Work()
    async with _candidate(database, work) as leadership:
        await eventually(lambda: _leads(leadership))
        async with open_connection(database, application_name="test") as connection:
            await connection.execute(END_SESSIONS)

        async def led_again() -> bool:
            return (work.began, work.ended) == (2, 1)

        await eventually(led_again)


async def test_work_that_fails(database: str) -> None:
    """What the work raises, `run` raises."""

    async def failing() -> None:
        raise LookupError("of the work")

    with pytest.raises(LookupError, match="of the work"):
        await Leadership(database, LeaderLock.RELAY).run(failing)


async def test_frozen(database: str) -> None:
    """A process that says nothing for 20 seconds, such as a frozen one, loses its session and the lock."""
    async with open_connection(database, application_name="test") as connection:
        assert await load_statements("postgres/leadership").try_lock(connection, lock=LeaderLock.RELAY.value)
        assert await connection.fetchval("show idle_session_timeout") == "20s"


async def test_checkpoint_is_fenced(database: str) -> None:
    """The relay's offset moves only from where its mover read it: a relay thought dead moves nothing."""
    async with open_pool(database, application_name="test") as pool:
        checkpoint = RelayOffset(pool)
        assert await checkpoint.position() == 0
        await checkpoint.advance(0, 5)
        with pytest.raises(LeadershipLost):
            await checkpoint.advance(0, 3)
        assert await checkpoint.position() == 5


async def test_checkpoint_waits_for_no_disk(database: str) -> None:
    """Moving the relay's offset waits for no disk, as it may be lost: it delays no relay and no append."""
    statements = load_statements("ledger/relay_offset")
    async with open_connection(database, application_name="test") as connection:
        await connection.execute("set synchronous_commit = on")
        async with connection.transaction():
            assert await statements.advance(connection, start=0, end=5)
            assert await connection.fetchval("show synchronous_commit") == "off"
        assert await connection.fetchval("show synchronous_commit") == "on"
