"""Leases: each gatekeeper says how far it is, and hears in the same transaction how far the ledger is."""

from dataclasses import dataclass

from libs.store.connection import Pool
from libs.store.errors import translated
from libs.store.statements import load_statements

_sql = load_statements("leases")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A gatekeeper process. `lease_s` is how long its lease runs, None where it answers without one."""

    id: str
    host: str
    lease_s: float | None


class Leases:
    """The rows of the gatekeepers, as one of them writes its own."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def renew(self, holder: Holder, applied_position: int) -> int:
        """Write the holder's row and return the ledger's head. Raises DatabaseAway.

        Once the holder has applied that head, it knows everything that was committed before this call began.
        """
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                await _sql.renew(
                    connection,
                    id=holder.id,
                    host=holder.host,
                    lease_s=holder.lease_s,
                    applied_position=applied_position,
                )
                return int(await _sql.shared_head(connection))

    async def withdraw(self, holder: Holder) -> None:
        """Remove the holder's row, once it answers nothing any more. Raises DatabaseAway."""
        with translated():
            async with self._pool.acquire() as connection:
                await _sql.withdraw(connection, id=holder.id)
