"""Clearing up: kept answers and spent links are removed once nobody can ask for them any more."""

import asyncio
from datetime import datetime
from typing import Protocol

import structlog

from keyfold.runtime.clock import Clock
from keyfold.store.postgres.errors import DatabaseAway

PURGE_INTERVAL_S = 600.0

log = structlog.get_logger(__name__)


class Purgeable(Protocol):
    """A table with rows that are of no use after a time."""

    async def purge(self, now: datetime) -> int:
        """Remove the rows that are of no use any more; return how many. Raises DatabaseAway."""
        ...


async def purge(what: str, table: Purgeable, clock: Clock, *, interval_s: float = PURGE_INTERVAL_S) -> None:
    """Remove old rows again and again, also after a time without PostgreSQL; never return."""
    while True:
        try:
            if removed := await table.purge(clock.now()):
                log.info("purged", what=what, removed=removed)
        except DatabaseAway as away:
            log.warning("not_purged", what=what, reason=str(away))
        await asyncio.sleep(interval_s)
