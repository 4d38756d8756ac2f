"""The ledger: events appended in one order without gaps, each sealing the one before."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any

from keyfold.domain.ids import StreamId
from keyfold.domain.lifecycle.fold import RecordedEvent
from keyfold.domain.lifecycle.vendor_judgement import SPEAKING_ROLES
from keyfold.store.ledger.idempotency_records import LIFE, NewIdempotencyRecord, keep
from keyfold.store.ledger.read_set import Expected, ReadSet, ReadSetValues
from keyfold.store.ledger.rows import (
    EventDraft,
    read_head,
    read_row,
    read_values,
    seal_rows,
    split_columns,
    to_recorded,
)
from keyfold.store.postgres.connection import Connection, Pool
from keyfold.store.postgres.errors import CommitUnknown, DatabaseAway, VersionConflict, translate_errors
from keyfold.store.postgres.statements import load_part, load_statements
from keyfold.wire.events.chain import Head, Row

__all__ = ["LEDGER_CHANNEL", "EventDraft", "Ledger", "Turn"]

LEDGER_CHANNEL = "keyfold_ledger"
"""Notified at each append with the new head's position as payload."""

_sql = load_statements("ledger/append", inserted=load_part("ledger/rows"))


class Ledger:
    """Reads and appends; any number of processes may do both at once."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._is_alone = True

    async def look(self, read_set: ReadSet, now: datetime) -> ReadSetValues:
        """Return the values of a read set as of one moment; `now` says which answers are still kept.

        Raises DatabaseAway, or UnknownEvent or ImpossibleEvent where a stream cannot be folded.
        """
        with translate_errors():
            async with self._pool.acquire() as connection:
                record = await _look(connection, read_set, now)
        return read_values(read_set, record)

    async def append(
        self,
        drafts: Sequence[EventDraft],
        expected: Expected | Mapping[StreamId, int],
        now: datetime,
        *,
        answers: Sequence[NewIdempotencyRecord] = (),
    ) -> tuple[RecordedEvent, ...]:
        """Record the events in their order and keep the answers, all or none; return the events as recorded.

        `expected` holds the version of every stream that is written or that the decision looked at, 0 for one
        without events. Raises VersionConflict, DatabaseAway (nothing was appended) or CommitUnknown.
        """
        if not drafts and not answers:
            return ()
        seen = expected if isinstance(expected, Expected) else Expected(versions=expected)
        # An answer may be kept without any event, so the head does not tell whether one has been added.
        if self._is_alone and seen.head is not None and drafts and not answers:
            appended = await self._append_at(seen.head, drafts, seen, now)
            if appended is not None:
                return appended
        async with self.turn() as turn:
            # While others append too, the head has nearly always moved on: to try would only cost.
            self._is_alone = seen.head in (None, turn.head)
            return await turn.append(drafts, seen, now, answers=answers)

    async def _append_at(
        self, head: Head, drafts: Sequence[EventDraft], expected: Expected, now: datetime
    ) -> tuple[RecordedEvent, ...] | None:
        """Record the events in one round trip if the head is still this one; else return None."""
        rows = tuple(seal_rows(head, drafts, expected.versions, now))
        last, last_hash = rows[-1]
        with translate_errors():
            async with self._pool.acquire() as connection:
                with _watch_commit():
                    moved = await _sql.append_at(
                        connection,
                        position=head.position,
                        hash=head.hash,
                        recorded_at=now,
                        end_position=last.position,
                        end_hash=last_hash,
                        **split_columns(rows),
                    )
        return None if moved is None else _record_all(drafts, rows, now)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator["Turn"]:
        """Yield a turn in which nobody else appends; what is appended in it is committed at its end.

        Raises DatabaseAway (nothing was appended) or CommitUnknown.
        """
        with translate_errors():
            async with self._pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                try:
                    yield Turn(connection, await _sql.lock_head(connection))
                except BaseException:
                    await _abandon(connection, transaction)
                    raise
                with _watch_commit():
                    await transaction.commit()

    async def rows_after(self, position: int, limit: int) -> list[tuple[Row, bytes]]:
        """Return up to `limit` rows above a position in order, each with its hash, exactly as hashed.

        Nothing is verified here: that is for whoever follows the chain. Raises DatabaseAway.
        """
        with translate_errors():
            async with self._pool.acquire() as connection:
                rows = _sql.rows_after(connection, position=position, limit=limit)
                return [(read_row(record), record["hash"]) async for record in rows]

    async def head(self) -> Head:
        """Return the last position and its hash. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                return read_head(await _sql.head(connection))


class Turn:
    """The ledger while nobody else appends: what a turn looks at still holds when it appends, once."""

    def __init__(self, connection: Connection, head: Mapping[str, Any]) -> None:
        self._connection = connection
        self._recorded_at: datetime = head["recorded_at"]
        self.head = read_head(head)

    async def look(self, read_set: ReadSet, now: datetime) -> ReadSetValues:
        """Return the values of a read set, as `Ledger.look` does."""
        return read_values(read_set, await _look(self._connection, read_set, now))

    async def append(
        self,
        drafts: Sequence[EventDraft],
        expected: Expected,
        now: datetime,
        *,
        answers: Sequence[NewIdempotencyRecord] = (),
    ) -> tuple[RecordedEvent, ...]:
        """Record the events and keep the answers, as `Ledger.append` does."""
        # A clock that went back must not make time run backwards in the ledger.
        recorded_at = max(now, self._recorded_at)
        rows = tuple(seal_rows(self.head, drafts, expected.versions, recorded_at))
        await _write(self._connection, rows, expected, recorded_at)
        if answers:
            await keep(self._connection, answers, self.head.position, recorded_at)
        return _record_all(drafts, rows, recorded_at)


async def _look(connection: Connection, read_set: ReadSet, now: datetime) -> Mapping[str, Any]:
    speakers = list(read_set.speakers)
    record: Mapping[str, Any] = await _sql.look(
        connection,
        streams=list(read_set.streams),
        accounts=list(read_set.accounts | read_set.whole_accounts),
        whole_accounts=list(read_set.whole_accounts),
        applicants=list(read_set.applicants),
        spoken_for=[vendor_id for vendor_id, _ in speakers],
        speakers=[subject for _, subject in speakers],
        speaking_roles=list(SPEAKING_ROLES),
        answer_ids=list(read_set.answer_ids),
        kept_after=now - LIFE,
    )
    return record


async def _abandon(connection: Connection, transaction: Any) -> None:
    # A connection that is gone has rolled back already, and its error would hide the one that counts.
    if not connection.is_closed():
        await transaction.rollback()


@contextmanager
def _watch_commit() -> Iterator[None]:
    """Raise CommitUnknown if the database goes away in the block: nobody knows then whether it committed."""
    try:
        with translate_errors():
            yield
    except DatabaseAway as away:
        raise CommitUnknown(str(away)) from away


async def _write(
    connection: Connection, rows: Sequence[tuple[Row, bytes]], expected: Expected, recorded_at: datetime
) -> None:
    silent = list(expected.silent)
    moved_on = await _sql.append(
        connection,
        expected_streams=list(expected.versions),
        expected_versions=list(expected.versions.values()),
        accounts=list(expected.created_positions),
        created_positions=list(expected.created_positions.values()),
        applicants=list(expected.applied_positions),
        applied_positions=list(expected.applied_positions.values()),
        spoken_for=[vendor_id for vendor_id, _ in silent],
        speakers=[subject for _, subject in silent],
        speaking_roles=list(SPEAKING_ROLES),
        recorded_at=recorded_at,
        **split_columns(rows),
    )
    if moved_on:
        raise VersionConflict(moved_on)


def _record_all(
    drafts: Sequence[EventDraft], rows: Sequence[tuple[Row, bytes]], recorded_at: datetime
) -> tuple[RecordedEvent, ...]:
    return tuple(
        to_recorded(draft, row, row_hash, recorded_at)
        for draft, (row, row_hash) in zip(drafts, rows, strict=True)
    )
