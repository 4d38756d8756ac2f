"""Leader election: the leader holds a lock that lives exactly as long as its PostgreSQL session."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import IntEnum

import structlog

from keyfold.store.postgres.connection import CONNECT_TIMEOUT_S, Connection, open_connection
from keyfold.store.postgres.errors import DatabaseAway, LeadershipLost, translate_errors
from keyfold.store.postgres.statements import load_statements

STANDBY_INTERVAL_S = 1.0
PROOF_INTERVAL_S = 2.0

_sql = load_statements("postgres/leadership")
log = structlog.get_logger(__name__)


class LeaderLock(IntEnum):
    """The advisory locks that leaders hold, one for each kind of work."""

    RELAY = 7521962890172402
    CHECKPOINTS = 7521962890172404
    TIMEKEEPER = 7521962890172405


class Leadership:
    """Lets one process at a time do some work; the others stand by."""

    def __init__(self, dsn: str, lock: LeaderLock) -> None:
        self._dsn = dsn
        self._lock = lock
        self.leading = False

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work while leading, and cancel it as soon as leadership is lost; never return.

        Raises what the work raises, except LeadershipLost and DatabaseAway: then it stands by again.
        """
        while True:
            try:
                async with self._lead() as lost:
                    await _work_until(lost, work)
            except (DatabaseAway, LeadershipLost) as away:
                log.warning("not_leading", lock=self._lock.name, reason=str(away))
                await asyncio.sleep(STANDBY_INTERVAL_S)

    @asynccontextmanager
    async def _lead(self) -> AsyncIterator[Awaitable[None]]:
        """Yield once leading. Raises, when awaited, LeadershipLost or DatabaseAway once that may be over."""
        async with open_connection(self._dsn, application_name=f"leader {self._lock.name}") as connection:
            ended = asyncio.Event()
            connection.add_termination_listener(lambda _: ended.set())
            await self._stand_by(connection)
            self.leading = True
            log.info("leading", lock=self._lock.name)
            try:
                yield _watch_session(connection, ended)
            finally:
                self.leading = False

    async def _stand_by(self, connection: Connection) -> None:
        # We ask again and again. A statement that waited in PostgreSQL would keep its snapshot, and with it
        # dead rows from being vacuumed, for as long as the other leads.
        while True:
            with translate_errors():
                if await _sql.try_lock(connection, lock=self._lock.value):
                    return
            await asyncio.sleep(STANDBY_INTERVAL_S)


async def _watch_session(connection: Connection, ended: asyncio.Event) -> None:
    """Raise when the session has ended. Asks it every few seconds: a connection can die silently."""
    while True:
        try:
            async with asyncio.timeout(PROOF_INTERVAL_S):
                await ended.wait()
        except TimeoutError:
            with translate_errors():
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    await _sql.still_here(connection)
        else:
            raise LeadershipLost("the session that held the lock has ended")


async def _work_until(lost: Awaitable[None], work: Callable[[], Awaitable[None]]) -> None:
    tasks = [asyncio.ensure_future(lost), asyncio.ensure_future(work())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # The lock may be released, and another process lead, only after this work has really ended.
        await asyncio.wait(tasks)
    for task in done:
        task.result()
