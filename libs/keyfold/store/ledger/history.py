"""History as the ledger tells it: each event of an account, a key or a vendor, with what it changed."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from keyfold.domain.ids import AccountId, EventId, KeyId, StreamId, VendorId, key_stream
from keyfold.domain.lifecycle.fold import Actor, Aggregate, LifecycleEvent, evolve
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements
from keyfold.wire.events.codec import decode_event

_FROM_THE_HEAD = 2**63 - 1

Types: TypeAlias = Sequence[str] | None

_sql = load_statements("ledger/history")


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event in its place, and the aggregate that it turned from `before` into `after`."""

    position: int
    event_id: EventId
    type: str
    event: LifecycleEvent
    actor: Actor
    request_id: str
    recorded_at: datetime
    before: Aggregate | None
    after: Aggregate


class History:
    """Pages of what happened, newest first, below the position `before`. Raises DatabaseAway.

    With `types`, named as in the ledger, only events of these are returned.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def of_account(
        self, account_id: AccountId, before: int | None, limit: int, *, types: Types = None
    ) -> list[Happened]:
        """Return what happened to an account and its keys."""
        return await self._page(_sql.of_account, before, limit, types, account_id=account_id)

    async def of_key(
        self, account_id: AccountId, key_id: KeyId, before: int | None, limit: int, *, types: Types = None
    ) -> list[Happened]:
        """Return what happened to one key; another account's has no history here."""
        stream = key_stream(key_id)
        return await self._page(_sql.of_key, before, limit, types, account_id=account_id, stream=stream)

    async def of_vendor(
        self, vendor_id: VendorId, before: int | None, limit: int, *, types: Types = None
    ) -> list[Happened]:
        """Return what happened to a vendor and its keys."""
        return await self._page(_sql.of_vendor, before, limit, types, vendor_id=vendor_id)

    async def _page(
        self, statement: Any, before: int | None, limit: int, types: Types, **scope: object
    ) -> list[Happened]:
        below = _FROM_THE_HEAD if before is None else before
        with translate_errors():
            async with self._pool.acquire() as connection:
                rows = statement(connection, types=types, before=below, limit=limit, **scope)
                found = [row async for row in rows]
                if not found:
                    return []
                streams = {row["stream"] for row in found}
                rows = _sql.streams_until(connection, streams=list(streams), last=found[0]["position"])
                wanted = {row["position"] for row in found}
                told = [each async for each in _replay(rows) if each.position in wanted]
        return told[::-1]


async def _replay(rows: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[Happened]:
    aggregates: dict[StreamId, Aggregate] = {}
    async for row in rows:
        event = decode_event(row["type"], row["schema_version"], row["data"])
        before = aggregates.get(row["stream"])
        after = aggregates[row["stream"]] = evolve(before, event)
        yield Happened(
            position=row["position"],
            event_id=row["event_id"],
            type=row["type"],
            event=event,
            actor=Actor(role=row["actor_role"], subject=row["actor_subject"]),
            request_id=row["request_id"],
            recorded_at=row["recorded_at"],
            before=before,
            after=after,
        )
