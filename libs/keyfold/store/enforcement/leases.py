"""Leases: each gatekeeper reports its position and learns the ledger's in the same statement."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import ReadOnly, translate_errors
from keyfold.store.postgres.statements import load_statements
from keyfold.wire.events.chain import Head

LEASE_MARGIN_S: Final = 5.0
"""How long after its end, by PostgreSQL's clock, a silent gatekeeper's lease still counts.

The gatekeeper's clock may fall that far behind PostgreSQL's within one lease: by 3.6 s in an hour, the
longest lease, if each is slewed by at most 500 ppm. The rest is for an answer that passed its last check just
in time and was then held up: by then the gateway, whose time-out is about a second, has given up on it.
"""

DEAD_KEPT_S: Final = 24 * 3600.0
"""How long an operator still sees the row of a gatekeeper whose lease is over."""

_sql = load_statements("enforcement/leases")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A gatekeeper process. `lease_s` is how long its lease runs, None if it answers without one.

    `public_key` is its run's, 32 bytes; None registers no run.
    """

    id: str
    host: str
    lease_s: float | None
    public_key: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Journalled:
    """How many decisions a gatekeeper has journalled: all those before `at`, by its own clock."""

    number: int
    at: datetime


class Leases:
    """Writes a gatekeeper's own row among those of all gatekeepers."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def renew(
        self, holder: Holder, applied_position: int, journalled: Journalled | None = None
    ) -> Head:
        """Write the holder's row and return the ledger's head. Raises DatabaseAway, also as ReadOnly.

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
            # If the address names several servers, the next connection finds the one that takes writes.
            await self._pool.expire_connections()
            raise
        return Head(position=head["position"], hash=head["hash"])

    async def register(self, holder: Holder) -> None:
        """Note that there is this run, with its key, for good. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                await _sql.register(connection, id=holder.id, public_key=holder.public_key)

    async def tell(self, holder: Holder, applied_position: int) -> None:
        """Write that the holder has applied more, without renewing its lease. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                await _sql.tell(connection, id=holder.id, applied_position=applied_position)

    async def forget_dead(self) -> None:
        """Delete the rows of gatekeepers whose lease ended more than a day ago. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                await _sql.forget_dead(connection, margin_s=LEASE_MARGIN_S, kept_s=DEAD_KEPT_S)

    async def withdraw(self, holder: Holder) -> None:
        """Delete the holder's row, once it answers nothing any more. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                await _sql.withdraw(connection, id=holder.id)
