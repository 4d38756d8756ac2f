"""The fold into tables: a batch of events, the rows they change and the progress, in one transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from keyfold.domain.ids import StreamId
from keyfold.domain.lifecycle.account import Account, AccountEvent
from keyfold.domain.lifecycle.fold import Aggregate, RecordedEvent
from keyfold.domain.lifecycle.invitation import Invitation, InvitationEvent
from keyfold.domain.lifecycle.login import BoundLogin, EndedLogin, LoginEvent
from keyfold.domain.lifecycle.signed_head import LedgerCheckpoint, LedgerCheckpointed
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.vendor import Vendor, VendorEvent
from keyfold.domain.refusal import ImpossibleEvent
from keyfold.store.postgres.connection import Connection, Pool
from keyfold.store.postgres.errors import Fenced, UnfoldableEvent, translate_errors
from keyfold.store.postgres.statements import load_statements
from keyfold.store.read_model.reader import SERVING
from keyfold.store.read_model.rows import (
    SHAPE,
    Row,
    account_row,
    key_row,
    read_account,
    read_key,
    read_vendor,
    vendor_row,
)
from keyfold.wire.events.chain import Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Events that follow each other, the head after them, and the Kafka offset to read on from."""

    events: Sequence[RecordedEvent]
    head: Head
    next_offset: int

    @property
    def expected(self) -> int:
        """The position that must have been reached for these events to be next."""
        return self.head.position - len(self.events)


@dataclass(slots=True, kw_only=True)
class _Change:
    """What became of one stream in a batch; the `created_` part counts only where there is no row yet."""

    aggregate: Aggregate
    version: int
    created_at: datetime
    updated_at: datetime
    created_position: int

    def row(self, columns: Row) -> Row:
        return {
            **columns,
            "version": self.version,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "created_position": self.created_position,
        }


class ReadModelWriter:
    """Folds steps into one generation. Of two writers the second to commit is Fenced.

    One that `remembers` keeps all state in memory and loads nothing: it must be the generation's only writer,
    from position 1 on, as when one is built. After a failure it is of no more use.
    """

    def __init__(self, pool: Pool, *, schema: str = SERVING, remembers: bool = False) -> None:
        self._pool = pool
        self._announces = schema == SERVING
        self._memory = State() if remembers else None
        self._sql = load_statements("read_model/writer", schema=schema)

    async def save(self, step: Step) -> None:
        """Write the step, all of it or nothing. Raises Fenced, UnfoldableEvent, DatabaseAway, Misconfigured.

        After DatabaseAway it may have been written all the same: look at the progress before saving it again.
        """
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                await self._sql.hold_generation(connection)
                await self._advance(connection, step)
                if self._memory is None:
                    state = await self._load(connection, step.events)
                else:
                    state = self._memory
                await self._put(connection, _fold(state, step.events))
                if self._announces:
                    await self._sql.announce(connection, position=step.head.position)

    async def _advance(self, connection: Connection, step: Step) -> None:
        moved = await self._sql.advance(
            connection,
            expected=step.expected,
            shape=SHAPE,
            position=step.head.position,
            head=step.head.hash,
            next_offset=step.next_offset,
        )
        if not moved:
            raise Fenced(
                f"the read model is not at position {step.expected} any more: another projection runs"
            )

    async def _load(self, connection: Connection, events: Iterable[RecordedEvent]) -> State:
        accounts, vendors, keys = _touched(events)
        state = State()
        if accounts:
            await _read_into(state, read_account, self._sql.accounts_in(connection, account_ids=accounts))
        if vendors:
            await _read_into(state, read_vendor, self._sql.vendors_in(connection, vendor_ids=vendors))
        if keys:
            await _read_into(state, read_key, self._sql.keys_in(connection, key_ids=keys))
        return state

    async def _put(self, connection: Connection, changes: Iterable[_Change]) -> None:
        accounts: list[Row] = []
        vendors: list[Row] = []
        keys: list[Row] = []
        for change in changes:
            match change.aggregate:
                case Account() as account:
                    accounts.append(change.row(account_row(account)))
                case Vendor() as vendor:
                    vendors.append(change.row(vendor_row(vendor)))
                case LedgerCheckpoint() | BoundLogin() | EndedLogin() | Invitation():
                    pass  # what speaks of the ledger, or of signing in, is no state that is read here
                case key:
                    keys.append(change.row(key_row(key)))
        for put, rows in (
            (self._sql.put_accounts, accounts),
            (self._sql.put_vendors, vendors),
            (self._sql.put_keys, keys),
        ):
            if rows:
                await put(connection, **_by_column(rows))


def _fold(state: State, events: Iterable[RecordedEvent]) -> Iterable[_Change]:
    changes: dict[StreamId, _Change] = {}
    for recorded in events:
        try:
            aggregate = state.fold(recorded.event)
        except ImpossibleEvent as impossible:
            raise UnfoldableEvent(recorded.position, impossible) from impossible
        if aggregate is None:
            continue
        change = changes.get(recorded.stream)
        if change is None:
            changes[recorded.stream] = _Change(
                aggregate=aggregate,
                version=recorded.version,
                created_at=recorded.recorded_at,
                updated_at=recorded.recorded_at,
                created_position=recorded.position,
            )
        else:
            change.aggregate, change.version = aggregate, recorded.version
            change.updated_at = recorded.recorded_at
    return changes.values()


def _touched(events: Iterable[RecordedEvent]) -> tuple[list[str], list[str], list[str]]:
    accounts: set[str] = set()
    vendors: set[str] = set()
    keys: set[str] = set()
    for recorded in events:
        event = recorded.event
        if isinstance(event, AccountEvent):
            accounts.add(event.account_id)
        elif isinstance(event, VendorEvent):
            vendors.add(event.vendor_id)
        elif isinstance(event, LedgerCheckpointed | LoginEvent | InvitationEvent):
            continue
        else:
            keys.add(event.key_id)
    return list(accounts), list(vendors), list(keys)


async def _read_into(state: State, read: Callable[[Row], Aggregate], rows: Any) -> None:
    async for row in rows:
        state.put(read(row))


def _by_column(rows: Sequence[Row]) -> Mapping[str, list[object]]:
    return {column: [row[column] for row in rows] for column in rows[0]}
