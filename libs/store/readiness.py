"""Whether the database answers and has the schema that this code needs, watched beside the requests."""

import asyncio

from libs.store.connection import Pool
from libs.store.errors import StoreFailure
from libs.store.migrations import pending_migrations

WATCH_INTERVAL_S = 1.0


class DatabaseReadiness:
    """Keeps the answer of a readiness check, for a check itself must never wait."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._trouble: str | None = "the database was not asked yet"

    def check(self) -> str | None:
        """Return None when ready, else the reason why not."""
        return self._trouble

    async def watch(self) -> None:
        """Ask again and again; never return."""
        while True:
            self._trouble = await self._ask()
            await asyncio.sleep(WATCH_INTERVAL_S)

    async def _ask(self) -> str | None:
        try:
            pending = await pending_migrations(self._pool)
        except StoreFailure as failure:
            return f"the database: {failure}"
        return f"migrations to apply: {', '.join(pending)}" if pending else None
