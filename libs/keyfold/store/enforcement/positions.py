"""Enforcement: up to which position no gatekeeper can allow anything any more from what was before."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from keyfold.store.enforcement.leases import LEASE_MARGIN_S
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import DatabaseAway, translate_errors
from keyfold.store.postgres.notifications import Notifications
from keyfold.store.postgres.position_watch import PositionWatch
from keyfold.store.postgres.statements import load_statements

ENFORCEMENT_CHANNEL: Final = "keyfold_enforcement"
"""Notified when a gatekeeper has applied more, with its position, and when one is gone, with nothing."""

HOLDERS_MAX: Final = 1000
_UNKNOWN: Final = -1

_sql = load_statements("enforcement/positions")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatekeeperLag:
    """How a gatekeeper stands towards a position. `lease_until` is None where it answers without a lease.

    `is_in_the_way` where it has not applied the position and may still allow something: until the lease
    has been over for LEASE_MARGIN_S, or for ever without a lease.
    """

    id: str
    host: str
    applied_position: int
    renewed_at: datetime
    lease_until: datetime | None
    is_in_the_way: bool


class Enforcement:
    """Watches the rows of the gatekeepers.

    With `Notifications` on ENFORCEMENT_CHANNEL it hears of progress at once; without, it polls.
    """

    def __init__(self, pool: Pool, notifications: Notifications | None = None) -> None:
        self._pool = pool
        self._watch = PositionWatch("enforced position", self._known_position, notifications)

    async def reached(self, position: int, timeout_s: float) -> bool:
        """Return True as soon as no gatekeeper can allow anything from before the position; then none ever
        will. Return False when time is up, also when PostgreSQL did not answer meanwhile.
        """
        return await self._watch.wait_for(position, timeout_s)

    async def position(self) -> int:
        """Return the last position for which that holds. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                return int(await _sql.enforced_position(connection, margin_s=LEASE_MARGIN_S))

    async def holders(self, position: int) -> list[GatekeeperLag]:
        """Return at most 1,000 gatekeepers, those in the way of the position first. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                rows = _sql.holders(connection, position=position, margin_s=LEASE_MARGIN_S, limit=HOLDERS_MAX)
                return [GatekeeperLag(**row) async for row in rows]

    async def _known_position(self) -> int:
        # Whoever waits has committed already: an outage shorter than its patience must not be its failure.
        try:
            return await self.position()
        except DatabaseAway:
            return _UNKNOWN
