"""Enforcement: the position before which no gatekeeper can still decide."""

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
"""Notified with a gatekeeper's position when it has applied more, and with nothing when one is gone."""

HOLDERS_MAX: Final = 1000
_UNKNOWN: Final = -1

_sql = load_statements("enforcement/positions")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatekeeperLag:
    """How far a gatekeeper is, compared with a position. `lease_until` is None if it answers without a lease.

    It `is_in_the_way` if it has not applied the position and may still allow something: until its lease has
    been over for LEASE_MARGIN_S, or permanently without a lease.
    """

    id: str
    host: str
    applied_position: int
    renewed_at: datetime
    lease_until: datetime | None
    is_in_the_way: bool


class Enforcement:
    """Watches the rows of the gatekeepers.

    With `Notifications` on ENFORCEMENT_CHANNEL it learns of progress at once; without them it polls.
    """

    def __init__(self, pool: Pool, notifications: Notifications | None = None) -> None:
        self._pool = pool
        self._watch = PositionWatch("enforced position", self._known_position, notifications)

    async def wait_for(self, position: int, timeout_s: float) -> bool:
        """Return True once no gatekeeper decides by anything from before the position; then none ever will.

        Return False when the time is up, also if PostgreSQL did not answer meanwhile.
        """
        return await self._watch.wait_for(position, timeout_s)

    async def position(self) -> int:
        """Return the last position that every gatekeeper that may still allow has applied.

        Raises DatabaseAway.
        """
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
        # The command that waits is committed already: an outage shorter than its wait must not fail it.
        try:
            return await self.position()
        except DatabaseAway:
            return _UNKNOWN
