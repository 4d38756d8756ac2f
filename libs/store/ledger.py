"""The ledger: events appended in one order without gaps, each sealing the one before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.domain.ids import EventId, StreamId
from libs.domain.lifecycle import Actor, Aggregate, LifecycleEvent, RecordedEvent, evolve
from libs.store.connection import Connection, Pool
from libs.store.errors import CommitUnknown, DatabaseAway, VersionConflict, translated
from libs.store.statements import load_statements
from libs.wire.chain import Head, Row, seal
from libs.wire.event_codec import SCHEMA_VERSION, decode_event, encode_event
from libs.wire.timestamp import format_time

LEDGER_CHANNEL = "keyfold_ledger"
"""Notified at each append with the new head's position as payload."""

_sql = load_statements("ledger")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An event that is decided but not yet recorded."""

    stream: StreamId
    event_id: EventId
    event: LifecycleEvent
    actor: Actor
    request_id: str
    traceparent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Versioned:
    """A stream folded: what it holds, or None for one without events, and its version (0 then)."""

    aggregate: Aggregate | None
    version: int


NOTHING = Versioned(aggregate=None, version=0)


class Ledger:
    """Reads and appends; any number of processes may do both at once."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def load(self, stream: StreamId) -> Versioned:
        """Return the stream as its events fold. Raises DatabaseAway."""
        return (await self.load_all((stream,)))[stream]

    async def load_all(self, streams: Sequence[StreamId]) -> Mapping[StreamId, Versioned]:
        """Return each of the streams as its events fold, all as of one moment. Raises DatabaseAway."""
        with translated():
            async with self._pool.acquire() as connection:
                records = [each async for each in _sql.events_of_streams(connection, streams=streams)]
        loaded = dict.fromkeys(streams, NOTHING)
        for record in records:
            stream = StreamId(record["stream"])
            event = decode_event(record["type"], record["schema_version"], record["data"])
            aggregate = evolve(loaded[stream].aggregate, event)
            loaded[stream] = Versioned(aggregate=aggregate, version=record["version"])
        return loaded

    async def append(
        self, drafts: Sequence[Draft], expected: Mapping[StreamId, int], now: datetime
    ) -> tuple[RecordedEvent, ...]:
        """Record the events in their order, all or none, and return them as recorded.

        `expected` holds the version of every stream that is written or that the decision looked at, 0 for one
        without events. Raises VersionConflict, DatabaseAway (nothing was appended) or CommitUnknown.
        """
        if not drafts:
            return ()
        with translated():
            async with self._pool.acquire() as connection:
                return await _append(connection, drafts, expected, now)

    async def rows_after(self, position: int, limit: int) -> list[tuple[Row, bytes]]:
        """Return up to `limit` rows above a position in order, each with its hash, exactly as hashed.

        Nothing is verified here: that is for whoever follows the chain. Raises DatabaseAway.
        """
        with translated():
            async with self._pool.acquire() as connection:
                rows = _sql.rows_after(connection, position=position, limit=limit)
                return [(_row(record), record["hash"]) async for record in rows]

    async def head(self) -> Head:
        """Return the last position and its hash. Raises DatabaseAway."""
        with translated():
            async with self._pool.acquire() as connection:
                record = await _sql.head(connection)
        return Head(position=record["position"], hash=record["hash"])


async def _append(
    connection: Connection, drafts: Sequence[Draft], expected: Mapping[StreamId, int], now: datetime
) -> tuple[RecordedEvent, ...]:
    transaction = connection.transaction()
    await transaction.start()
    try:
        head = await _sql.lock_head(connection)
        # A clock that went back must not make time run backwards in the ledger.
        recorded_at = max(now, head["recorded_at"])
        start = Head(position=head["position"], hash=head["hash"])
        sealed = tuple(_sealed(start, drafts, expected, recorded_at))
        await _write(connection, sealed, expected, recorded_at)
    except BaseException:
        await _abandon(connection, transaction)
        raise
    await _commit(transaction)
    return tuple(
        _recorded(draft, row, row_hash, recorded_at)
        for draft, (row, row_hash) in zip(drafts, sealed, strict=True)
    )


async def _abandon(connection: Connection, transaction: Any) -> None:
    # A connection that is gone has rolled back already, and its error would hide the one that counts.
    if not connection.is_closed():
        await transaction.rollback()


async def _commit(transaction: Any) -> None:
    try:
        with translated():
            await transaction.commit()
    except DatabaseAway as away:
        raise CommitUnknown(str(away)) from away


def _sealed(
    head: Head, drafts: Sequence[Draft], expected: Mapping[StreamId, int], recorded_at: datetime
) -> Iterator[tuple[Row, bytes]]:
    versions = dict(expected)
    row_hash = head.hash
    for position, draft in enumerate(drafts, head.position + 1):
        versions[draft.stream] += 1
        row = _drafted(draft, position, versions[draft.stream], format_time(recorded_at))
        row_hash = seal(row_hash, row)
        yield row, row_hash


def _drafted(draft: Draft, position: int, version: int, recorded_at: str) -> Row:
    name, data = encode_event(draft.event)
    return Row(
        position=position,
        stream=draft.stream,
        version=version,
        event_id=draft.event_id,
        type=name,
        schema_version=SCHEMA_VERSION,
        data=data,
        actor_role=draft.actor.role,
        actor_subject=draft.actor.subject,
        request_id=draft.request_id,
        recorded_at=recorded_at,
        traceparent=draft.traceparent,
    )


async def _write(
    connection: Connection,
    sealed: Sequence[tuple[Row, bytes]],
    expected: Mapping[StreamId, int],
    recorded_at: datetime,
) -> None:
    rows = [row for row, _ in sealed]
    stale = await _sql.append(
        connection,
        expected_streams=list(expected),
        expected_versions=list(expected.values()),
        positions=[row.position for row in rows],
        streams=[row.stream for row in rows],
        versions=[row.version for row in rows],
        event_ids=[row.event_id for row in rows],
        types=[row.type for row in rows],
        schema_versions=[row.schema_version for row in rows],
        data=[row.data for row in rows],
        actor_roles=[row.actor_role for row in rows],
        actor_subjects=[row.actor_subject for row in rows],
        request_ids=[row.request_id for row in rows],
        traceparents=[row.traceparent for row in rows],
        hashes=[row_hash for _, row_hash in sealed],
        recorded_at=recorded_at,
    )
    if stale:
        raise VersionConflict(stale)


def _recorded(draft: Draft, row: Row, row_hash: bytes, recorded_at: datetime) -> RecordedEvent:
    return RecordedEvent(
        position=row.position,
        stream=draft.stream,
        version=row.version,
        event_id=draft.event_id,
        event=draft.event,
        actor=draft.actor,
        request_id=draft.request_id,
        recorded_at=recorded_at,
        hash=row_hash,
    )


def _row(record: Mapping[str, Any]) -> Row:
    return Row(
        position=record["position"],
        stream=record["stream"],
        version=record["version"],
        event_id=record["event_id"],
        type=record["type"],
        schema_version=record["schema_version"],
        data=record["data"],
        actor_role=record["actor_role"],
        actor_subject=record["actor_subject"],
        request_id=record["request_id"],
        recorded_at=format_time(record["recorded_at"]),
        traceparent=record["traceparent"],
    )
