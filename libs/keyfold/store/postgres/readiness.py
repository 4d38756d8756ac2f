"""Readiness: whether the database takes writes and has the schema that this code needs."""

import asyncio
from typing import Final

from keyfold.store.postgres.connection import Connection, Pool
from keyfold.store.postgres.errors import StoreFailure, translate_errors
from keyfold.store.postgres.migrations import pending_migrations
from keyfold.store.postgres.statements import load_statements

WATCH_INTERVAL_S: Final = 1.0
READ_ONLY: Final = "it takes no writes: it is a standby, or was made read-only; name the primary"

_sql = load_statements("postgres/readiness")


class DatabaseReadiness:
    """Keeps the answer for a readiness check, which itself must never wait.

    The service needs the rights of `role`.
    """

    def __init__(self, pool: Pool, role: str) -> None:
        self._pool = pool
        self._role = role
        self._trouble: str | None = "the database was not asked yet"

    def check(self) -> str | None:
        """Return None when ready, else why not."""
        return self._trouble

    async def watch(self) -> None:
        """Ask every WATCH_INTERVAL_S; never return."""
        while True:
            self._trouble = await self._ask()
            await asyncio.sleep(WATCH_INTERVAL_S)

    async def _ask(self) -> str | None:
        try:
            pending = await pending_migrations(self._pool)
            inability = await self._find_inability()
        except StoreFailure as failure:
            return f"the database: {failure}"
        if pending:
            return f"migrations to apply: {', '.join(pending)}"
        return f"the database: {inability}" if inability else None

    async def _find_inability(self) -> str | None:
        with translate_errors():
            async with self._pool.acquire() as connection:
                if await is_read_only(connection):
                    # Where the address names several servers, the next connection finds the one that writes.
                    await self._pool.expire_connections()
                    return READ_ONLY
                if not await _sql.has_role(connection, role=self._role):
                    return (
                        f"this login lacks the rights of {self._role}: let its owner grant {self._role} to it"
                    )
        return None


async def is_read_only(connection: Connection) -> bool:
    """Tell whether a transaction that begins now cannot write."""
    return bool(await _sql.is_read_only(connection))
