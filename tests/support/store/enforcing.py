"""A ledger with gatekeepers' rows, and who watches them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from keyfold.domain.ids import account_stream
from keyfold.store.enforcement.leases import Holder, Leases
from keyfold.store.enforcement.positions import ENFORCEMENT_CHANNEL, Enforcement
from keyfold.store.ledger.append import Ledger
from keyfold.store.postgres.connection import Pool, open_pool
from keyfold.store.postgres.notifications import Notifications
from tests.support.store.events import created, draft, now

A = Holder(id="a", host="host-a", lease_s=60)
B = Holder(id="b", host="host-b", lease_s=60)
LONG_S = 20
POLL_S = 0.25


@dataclass(slots=True, kw_only=True)
class Scene:
    """A database with gatekeepers' rows, and who watches them."""

    dsn: str
    pool: Pool
    leases: Leases
    ledger: Ledger
    enforcement: Enforcement
    appended: int = 0

    async def append(self) -> int:
        """Append an event; return its position."""
        self.appended += 1
        event = created(self.appended)
        (recorded,) = await self.ledger.append([draft(event)], {account_stream(event.account_id): 0}, now())
        return recorded.position

    async def age(self, holder: Holder, age_s: float) -> None:
        """Make a row as old as that, on PostgreSQL's clock."""
        await self.pool.execute(
            "update ledger.gatekeepers set renewed_at = clock_timestamp() - make_interval(secs => $2)"
            " where id = $1",
            holder.id,
            age_s,
        )

    async def time(self) -> datetime:
        """Return the time on PostgreSQL's clock."""
        time: datetime = await self.pool.fetchval("select clock_timestamp()")
        return time

    async def ids(self) -> list[str]:
        """Return whose rows there are."""
        return [row["id"] for row in await self.pool.fetch("select id from ledger.gatekeepers order by id")]

    async def in_the_way(self, position: int) -> list[str]:
        """Return who is in the way of a position."""
        return [each.id for each in await self.enforcement.holders(position) if each.is_in_the_way]


@asynccontextmanager
async def watch_enforcement(database: str) -> AsyncIterator[tuple[Pool, Enforcement]]:
    """Yield what asks a database how far its gatekeepers are, once it is notified of their news."""
    async with (
        open_pool(database, application_name="test") as pool,
        Notifications(database, ENFORCEMENT_CHANNEL) as notifications,
    ):
        await notifications.wait(LONG_S)
        yield pool, Enforcement(pool, notifications)
