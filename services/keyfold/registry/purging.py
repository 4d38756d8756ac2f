"""Clearing up: kept answers and spent links go some time after nobody can ask for them any more."""

import asyncio
from datetime import datetime
from typing import Protocol

import structlog

from keyfold.runtime.clock import Clock
from keyfold.store.postgres.errors import DatabaseAway

PURGE_INTERVAL_S = 600.0

log = structlog.get_logger(__name__)


class Purged(Protocol):
    """Something of which what has outlived its time is removed."""

    async def purge(self, now: datetime) -> int:
        """Remove it and return how much it was. Raises DatabaseAway."""
        ...


async def purge(what: str, outlived: Purged, clock: Clock, *, interval_s: float = PURGE_INTERVAL_S) -> None:
    """Remove what is outlived again and again, also after a time without PostgreSQL; never return."""
    while True:
        try:
            if removed := await outlived.purge(clock.now()):
                log.info("purged", what=what, removed=removed)
        except DatabaseAway as away:
            log.warning("not_purged", what=what, reason=str(away))
        await asyncio.sleep(interval_s)
