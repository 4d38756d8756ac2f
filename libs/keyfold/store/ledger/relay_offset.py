"""How far the relay has published the ledger to Kafka. Of two processes only one can move it on."""

from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import LeadershipLost, translate_errors
from keyfold.store.postgres.statements import load_statements

_sql = load_statements("ledger/relay_offset")


class RelayOffset:
    """The position up to which every row has been acknowledged by Kafka."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def position(self) -> int:
        """Return the position, 0 at first. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                return int(await _sql.position(connection))

    async def set_back(self, position: int) -> int:
        """Set it back to a position, if it is further; return where it was. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                return int(await _sql.set_back(connection, position=position))

    async def advance(self, start: int, end: int) -> None:
        """Move from `start` to `end`. Raises LeadershipLost if it is not at `start`, or DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                moved = await _sql.advance(connection, start=start, end=end)
        if not moved:
            raise LeadershipLost(f"the checkpoint is no longer at {start}: another relay has moved it")
