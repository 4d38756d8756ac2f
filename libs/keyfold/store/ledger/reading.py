"""The ledger read in its order, as it is, for whoever follows the chain."""

from keyfold.store.ledger.rows import read_head, read_link
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements
from keyfold.wire.events.chain import ChainedRow, Head

_sql = load_statements("ledger/reading")


class LedgerReader:
    """Reads the ledger. Raises DatabaseAway."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def rows_after(self, position: int, limit: int) -> list[ChainedRow]:
        """Return up to `limit` rows above a position in order, exactly as hashed.

        Nothing is verified here: that is for whoever follows the chain.
        """
        with translate_errors():
            async with self._pool.acquire() as connection:
                rows = _sql.rows_after(connection, position=position, limit=limit)
                return [read_link(record) async for record in rows]

    async def head(self) -> Head:
        """Return the last position and its hash."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                return read_head(await _sql.head(connection))

    async def has_seals(self) -> bool:
        """Tell whether any row has a seal."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                return bool(await _sql.has_seals(connection))
