"""Current state as the read model serves it: one aggregate, a page of them, or everything at one position."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar, cast

from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.fold import Aggregate
from keyfold.domain.lifecycle.keys import Key, KeyState
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import SubscriberKey
from keyfold.domain.lifecycle.vendor import Vendor, VendorState
from keyfold.domain.lifecycle.vendor_key import VendorKey
from keyfold.store.postgres.connection import Connection, Pool
from keyfold.store.postgres.errors import ReadModelAbsent, translate_read_model_errors
from keyfold.store.postgres.notifications import Notifications
from keyfold.store.postgres.position_watch import PositionWatch
from keyfold.store.postgres.statements import load_statements
from keyfold.store.read_model.rows import SHAPE, Row, read_account, read_key, read_vendor
from keyfold.wire.events.chain import Head
from keyfold.wire.keys.packed import Packed
from keyfold.wire.keys.packed_key import pack_key, unpack_key

SERVING = "projection"
"""The schema of the generation that serves reads."""

PROJECTION_CHANNEL = "keyfold_projection"
"""Notified with the position at each step of the serving generation."""

LIMIT_MAX = 1000
# So many are in the state within a few milliseconds, in which no answer goes out.
_FETCH_ROWS = 2000

_sql = load_statements("read_model/reader", schema=SERVING)
_writes = load_statements("read_model/writer", schema=SERVING)

A = TypeVar("A", bound=Aggregate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored(Generic[A]):
    """An aggregate with its place in the ledger: its stream's version, when its first and its last event were
    recorded, and the position of the first, by which lists are ordered.
    """

    aggregate: A
    version: int
    created_at: datetime
    updated_at: datetime
    created_position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadProgress:
    """How far a snapshot has come: so many keys of all that there are."""

    keys: int
    of_keys: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything as of `head`, its keys packed, and the Kafka offset from which to follow on."""

    state: State
    head: Head
    next_offset: int


class ReadModel:
    """Reads the serving generation. Raises ReadModelAbsent while there is none, DatabaseAway, Misconfigured.

    Lists are newest first, of rows created before the position `before`, at most `limit` (1 to 1000) of them.
    With `Notifications` on PROJECTION_CHANNEL, `caught_up` hears of progress at once; without, it polls.
    """

    def __init__(self, pool: Pool, notifications: Notifications | None = None) -> None:
        self._pool = pool
        self._watch = PositionWatch("served position", self.position, notifications)

    async def snapshot(self, on_progress: Callable[[LoadProgress], None] = lambda _loaded: None) -> Snapshot:
        """Return everything as of one position, and say every few milliseconds how far that has come.

        Rows are streamed: only the state itself takes memory.
        """
        keys = Packed(pack_key, unpack_key)
        state = State(keys=keys)
        with translate_read_model_errors():
            async with self._pool.acquire() as connection, _frozen(connection):
                head, next_offset = await _progress(connection)
                of_keys = await _sql.count_keys(connection)
                on_progress(LoadProgress(keys=0, of_keys=of_keys))
                await _load(state, read_account, _sql.all_accounts_cursor(connection))
                await _load(state, read_vendor, _sql.all_vendors_cursor(connection))
                async for rows in _batches(_sql.all_keys_cursor(connection)):
                    keys.load(rows)
                    on_progress(LoadProgress(keys=len(keys), of_keys=of_keys))
        return Snapshot(state=state, head=head, next_offset=next_offset)

    async def position(self) -> int:
        """Return the position that reads are served at."""
        with translate_read_model_errors():
            head, _ = await _progress(self._pool)
        return head.position

    async def caught_up(self, position: int, timeout_s: float) -> bool:
        """Return True as soon as reads are served at the position or later, False when time is up before."""
        return await self._watch.wait_for(position, timeout_s)

    async def get_account(self, account_id: AccountId) -> Stored[Account] | None:
        """Return an account."""
        return await self._one(read_account, _sql.get_account, account_id=account_id)

    async def get_vendor(self, vendor_id: VendorId) -> Stored[Vendor] | None:
        """Return a vendor."""
        return await self._one(read_vendor, _sql.get_vendor, vendor_id=vendor_id)

    async def get_key(self, key_id: KeyId) -> Stored[Key] | None:
        """Return a key of either kind."""
        return await self._one(read_key, _sql.get_key, key_id=key_id)

    async def list_keys(
        self,
        account_id: AccountId,
        *,
        now: datetime,
        state: KeyState | None = None,
        before: int | None = None,
        limit: int,
    ) -> list[Stored[SubscriberKey]]:
        """Return an account's keys, those in one state at `now`, or all."""
        return await self._page(
            _read_subscriber_key,
            _sql.list_account_keys,
            limit,
            account_id=account_id,
            state=state,
            now=now,
            before=before,
        )

    async def list_vendor_keys(
        self, vendor_id: VendorId, *, before: int | None = None, limit: int
    ) -> list[Stored[VendorKey]]:
        """Return a vendor's keys."""
        return await self._page(
            _read_vendor_key, _sql.list_vendor_keys, limit, vendor_id=vendor_id, before=before
        )

    async def list_vendors(
        self,
        *,
        state: VendorState | None = None,
        applicant: str | None = None,
        before: int | None = None,
        limit: int,
    ) -> list[Stored[Vendor]]:
        """Return vendors, those in one state and of one applicant, or all."""
        return await self._page(
            read_vendor, _sql.list_vendors, limit, state=state, applicant=applicant, before=before
        )

    async def due_keys(self, now: datetime, limit: int) -> list[Stored[Key]]:
        """Return keys for which time has brought about what no event says yet."""
        return await self._page(read_key, _sql.due_keys, limit, now=now)

    async def due_vendors(self, now: datetime, limit: int) -> list[Stored[Vendor]]:
        """Return vendors for which time has brought about what no event says yet."""
        return await self._page(read_vendor, _sql.due_vendors, limit, now=now)

    async def _one(self, read: Callable[[Row], A], statement: Any, **parameters: object) -> Stored[A] | None:
        with translate_read_model_errors():
            row = await statement(self._pool, **parameters)
        return None if row is None else _stored(read, row)

    async def _page(
        self, read: Callable[[Row], A], statement: Any, limit: int, **parameters: object
    ) -> list[Stored[A]]:
        if not 1 <= limit <= LIMIT_MAX:
            raise ValueError(f"a page has 1 to {LIMIT_MAX} rows, not {limit}")
        with translate_read_model_errors():
            rows = [row async for row in statement(self._pool, limit=limit, **parameters)]
        return [_stored(read, row) for row in rows]


@asynccontextmanager
async def _frozen(connection: Connection) -> AsyncIterator[None]:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await _writes.hold_generation(connection)
        yield


async def _progress(client: Pool | Connection) -> tuple[Head, int]:
    row = await _sql.progress(client)
    if row is None or row["shape"] != SHAPE:
        raise ReadModelAbsent("the read model has another shape")
    return Head(position=row["position"], hash=row["head"]), row["next_offset"]


async def _load(state: State, read: Callable[[Row], Aggregate], rows: Any) -> None:
    async for batch in _batches(rows):
        for row in batch:
            state.put(read(row))


async def _batches(rows: Any) -> AsyncIterator[Any]:
    async with rows as statement:
        cursor = await statement
        while batch := await cursor.fetch(_FETCH_ROWS):
            yield batch


def _read_subscriber_key(row: Row) -> SubscriberKey:
    return cast("SubscriberKey", read_key(row))  # the statement finds no other kind


def _read_vendor_key(row: Row) -> VendorKey:
    return cast("VendorKey", read_key(row))


def _stored(read: Callable[[Row], A], row: Row) -> Stored[A]:
    return Stored(
        aggregate=read(row),
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        created_position=row["created_position"],
    )
