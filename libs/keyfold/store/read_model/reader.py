"""What the read model has been built for: which keys and vendors there are, page by page, and what is due.

It says ids and no more. Whoever shows or decides something of them folds their streams of the ledger.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.lifecycle.keys import KeyState
from keyfold.domain.lifecycle.vendor import VendorState
from keyfold.store.postgres.connection import Connection, Pool
from keyfold.store.postgres.errors import ReadModelAbsent, translate_read_model_errors
from keyfold.store.postgres.notifications import Notifications
from keyfold.store.postgres.position_watch import PositionWatch
from keyfold.store.postgres.statements import load_statements
from keyfold.store.read_model.rows import SHAPE

SERVING = "projection"
"""The schema of the generation that serves reads."""

PROJECTION_CHANNEL = "keyfold_projection"
"""Notified with the position at each step of the serving generation."""

LIMIT_MAX = 1000
_sql = load_statements("read_model/reader", schema=SERVING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedId:
    """A key or a vendor in a list, and the position of its first event, by which lists are ordered."""

    id: str
    created_position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DueKey:
    """A key for which something has fallen due, and whose it is: an account's if no vendor's."""

    key_id: KeyId
    account_id: AccountId
    vendor_id: VendorId | None


class ReadModel:
    """Reads the serving generation. Raises ReadModelAbsent while there is none, DatabaseAway, Misconfigured.

    Lists are newest first, of rows created before the position `before`, at most `limit` (1 to 1000) of them.
    With `Notifications` on PROJECTION_CHANNEL, `caught_up` hears of progress at once; without, it polls.
    """

    def __init__(self, pool: Pool, notifications: Notifications | None = None) -> None:
        self._pool = pool
        self._watch = PositionWatch("served position", self.position, notifications)

    async def position(self) -> int:
        """Return the position that reads are served at."""
        with translate_read_model_errors():
            return await read_position(self._pool)

    async def caught_up(self, position: int, timeout_s: float) -> bool:
        """Return True as soon as reads are served at the position or later, False when time is up before."""
        return await self._watch.wait_for(position, timeout_s)

    async def list_keys(
        self,
        account_id: AccountId,
        *,
        now: datetime,
        state: KeyState | None = None,
        before: int | None = None,
        limit: int,
    ) -> list[ListedId]:
        """Return an account's keys, those in one state at `now`, or all."""
        return await self._list(
            _sql.list_account_keys, limit, account_id=account_id, state=state, now=now, before=before
        )

    async def list_vendor_keys(
        self, vendor_id: VendorId, *, before: int | None = None, limit: int
    ) -> list[ListedId]:
        """Return a vendor's keys."""
        return await self._list(_sql.list_vendor_keys, limit, vendor_id=vendor_id, before=before)

    async def list_vendors(
        self,
        *,
        state: VendorState | None = None,
        applicant: str | None = None,
        before: int | None = None,
        limit: int,
    ) -> list[ListedId]:
        """Return vendors, those in one state and of one applicant, or all."""
        return await self._list(_sql.list_vendors, limit, state=state, applicant=applicant, before=before)

    async def due_keys(self, now: datetime, limit: int) -> list[DueKey]:
        """Return keys for which time has brought about what no event says yet."""
        return [DueKey(**row) for row in await self._page(_sql.due_keys, limit, now=now)]

    async def due_vendors(self, now: datetime, limit: int) -> list[VendorId]:
        """Return vendors for which time has brought about what no event says yet."""
        return [row["vendor_id"] for row in await self._page(_sql.due_vendors, limit, now=now)]

    async def _list(self, statement: Any, limit: int, **parameters: object) -> list[ListedId]:
        return [ListedId(**row) for row in await self._page(statement, limit, **parameters)]

    async def _page(self, statement: Any, limit: int, **parameters: object) -> list[Any]:
        if not 1 <= limit <= LIMIT_MAX:
            raise ValueError(f"a page has 1 to {LIMIT_MAX} rows, not {limit}")
        with translate_read_model_errors():
            return [row async for row in statement(self._pool, limit=limit, **parameters)]


async def read_position(client: Pool | Connection) -> int:
    """Return the position that is served. Raises ReadModelAbsent where there is none, or of another shape."""
    row = await _sql.progress(client)
    if row is None or row["shape"] != SHAPE:
        raise ReadModelAbsent("the read model has another shape")
    return cast("int", row["position"])
