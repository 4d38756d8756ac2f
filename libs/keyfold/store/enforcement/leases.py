"""Leases: each gatekeeper says how far it is, and hears in the same statement how far the ledger is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import ReadOnly, translate_errors
from keyfold.store.postgres.statements import load_statements
from keyfold.wire.events.chain import Head

LEASE_MARGIN_S: Final = 5.0
"""For how long after its end, on PostgreSQL's clock, a silent gatekeeper's lease is still reckoned with.

So far may the gatekeeper's clock fall behind PostgreSQL's within one lease: 3.6 s in an hour, the longest
lease there is, where each is slewed by 500 ppm at most. The rest is for an answer that passed its last check
just in time and was then held up: the gateway, whose time-out is about a second, has given up on it by then.
"""

DEAD_KEPT_S: Final = 24 * 3600.0
"""For how long an operator still sees the row of a gatekeeper whose lease is over."""

_sql = load_statements("enforcement/leases")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A gatekeeper process. `lease_s` is how long its lease runs, None where it answers without one."""

    id: str
    host: str
    lease_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Journalled:
    """How many decisions a gatekeeper has journalled: all those of before `at`, by its own clock."""

    number: int
    at: datetime


class Leases:
    """The rows of the gatekeepers, as one of them writes its own."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def renew(
        self, holder: Holder, applied_position: int, journalled: Journalled | None = None
    ) -> Head:
        """Write the holder's row and return the ledger's head. Raises DatabaseAway, and of these ReadOnly.

        Once the holder has applied that head, it knows everything that was committed before this call began.
        """
        try:
            with translate_errors():
                async with self._pool.acquire() as connection:
                    head = await _sql.renew(
                        connection,
                        id=holder.id,
                        host=holder.host,
                        lease_s=holder.lease_s,
                        applied_position=applied_position,
                        journalled=None if journalled is None else journalled.number,
                        journalled_at=None if journalled is None else journalled.at,
                    )
        except ReadOnly:
            # Where the address names several servers, the next connection finds the one that writes.
            await self._pool.expire_connections()
            raise
        return Head(position=head["position"], hash=head["hash"])

    async def tell(self, holder: Holder, applied_position: int) -> None:
        """Write that the holder has applied more; its lease stays as it is. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                await _sql.tell(connection, id=holder.id, applied_position=applied_position)

    async def forget_dead(self) -> None:
        """Remove the rows of gatekeepers whose lease ended more than a day ago. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                await _sql.forget_dead(connection, margin_s=LEASE_MARGIN_S, kept_s=DEAD_KEPT_S)

    async def withdraw(self, holder: Holder) -> None:
        """Remove the holder's row, once it answers nothing any more. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                await _sql.withdraw(connection, id=holder.id)
