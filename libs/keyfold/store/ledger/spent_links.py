"""Links that work once: which of them were spent, for as long as anybody could spend them again."""

from datetime import datetime, timedelta

from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements

_KEPT_LONGER = timedelta(minutes=10)
"""Beyond its end, so that clocks that differ let no link in twice."""

_sql = load_statements("ledger/spent_links")


class SpentLinks:
    """One memory for any number of registries: of two that spend a link at once, one does."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def spend(self, digest: bytes, expires_at: datetime) -> bool:
        """Spend the link whose id has this SHA-256 (32 bytes); False where it was spent before.

        Raises DatabaseAway: then it may have been spent.
        """
        with translate_errors():
            async with self._pool.acquire() as connection:
                return bool(await _sql.spend(connection, digest=digest, expires_at=expires_at))

    async def purge(self, now: datetime) -> int:
        """Delete the links that are over; return how many. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                return int(await _sql.purge(connection, until=now - _KEPT_LONGER))
