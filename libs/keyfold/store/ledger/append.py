"""The ledger: events appended in one order without gaps, each batch sealed."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any

from keyfold.domain.ids import StreamId
from keyfold.domain.lifecycle.fold import RecordedEvent
from keyfold.domain.lifecycle.vendor_judgement import SPEAKING_ROLES
from keyfold.store.ledger.idempotency_records import LIFE, NewIdempotencyRecord, keep
from keyfold.store.ledger.read_set import Expected, ReadSet, ReadSetValues
from keyfold.store.ledger.reading import LedgerReader
from keyfold.store.ledger.rows import (
    EventDraft,
    chain_rows,
    read_head,
    read_values,
    split_columns,
    to_recorded,
)
from keyfold.store.ledger.sealing import NO_SEAL, HeadSeal, HeadSealer
from keyfold.store.postgres.connection import Connection, Pool
from keyfold.store.postgres.errors import CommitUnknown, DatabaseAway, VersionConflict, translate_errors
from keyfold.store.postgres.statements import load_part, load_statements
from keyfold.wire.events.chain import ChainedRow, Head

__all__ = ["LEDGER_CHANNEL", "EventDraft", "Ledger", "Turn"]

LEDGER_CHANNEL = "keyfold_ledger"
"""Notified at each append with the new head's position as payload."""

_sql = load_statements("ledger/append", inserted=load_part("ledger/rows"))


class Ledger(LedgerReader):
    """Reads and appends; any number of processes may do both at once.

    Whatever looks at the head or appends also raises HeadUnsealed and SealKeyAbsent.
    """

    def __init__(self, pool: Pool, sealer: HeadSealer) -> None:
        super().__init__(pool)
        self._sealer = sealer
        self._is_alone = True

    async def look(self, read_set: ReadSet, now: datetime) -> ReadSetValues:
        """Return the values of a read set as of one moment; `now` says which answers are still kept.

        Raises DatabaseAway, or UnknownEvent or ImpossibleEvent where a stream cannot be folded.
        """
        with translate_errors():
            async with self._pool.acquire() as connection:
                record = await _look(connection, read_set, now)
        return _verify_values(self._sealer, read_set, record)

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
        links, made = _seal(self._sealer, head, drafts, expected, now)
        end = links[-1].head
        with translate_errors():
            async with self._pool.acquire() as connection:
                with _watch_commit():
                    moved = await _sql.append_at(
                        connection,
                        position=head.position,
                        hash=head.hash,
                        recorded_at=now,
                        end_position=end.position,
                        end_hash=end.hash,
                        **split_columns(links),
                        **made.columns,
                    )
        if moved is None:
            return None
        self._sealer.note_appended(end, made)
        return _record_all(drafts, links, now)

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
                    yield Turn(connection, await _sql.lock_head(connection), self._sealer)
                except BaseException:
                    await _abandon(connection, transaction)
                    raise
                with _watch_commit():
                    await transaction.commit()


class Turn:
    """The ledger while nobody else appends: what a turn looks at still holds when it appends, once."""

    def __init__(self, connection: Connection, head: Mapping[str, Any], sealer: HeadSealer) -> None:
        self._connection = connection
        self._recorded_at: datetime = head["recorded_at"]
        self._sealer = sealer
        self.head = read_head(head)
        sealer.verify(self.head, head)

    async def look(self, read_set: ReadSet, now: datetime) -> ReadSetValues:
        """Return the values of a read set, as `Ledger.look` does."""
        return _verify_values(self._sealer, read_set, await _look(self._connection, read_set, now))

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
        if drafts:
            links, made = _seal(self._sealer, self.head, drafts, expected, recorded_at)
        else:
            links, made = (), None
        await _write(self._connection, links, made, expected, recorded_at)
        if answers:
            await keep(self._connection, answers, self.head.position, recorded_at)
        return _record_all(drafts, links, recorded_at)


def _verify_values(sealer: HeadSealer, read_set: ReadSet, record: Mapping[str, Any]) -> ReadSetValues:
    sealer.verify(read_head(record), record)
    return read_values(read_set, record)


def _seal(
    sealer: HeadSealer, head: Head, drafts: Sequence[EventDraft], expected: Expected, recorded_at: datetime
) -> tuple[Sequence[ChainedRow], HeadSeal]:
    return sealer.seal(tuple(chain_rows(head, drafts, expected.versions, recorded_at)), drafts)


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
        tenants=[each.tenant for each in read_set.keepers],
        logins=[each.login for each in read_set.keepers if each.login is not None],
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
    connection: Connection,
    links: Sequence[ChainedRow],
    made: HeadSeal | None,
    expected: Expected,
    recorded_at: datetime,
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
        **split_columns(links),
        **(NO_SEAL if made is None else made.columns),
    )
    if moved_on:
        raise VersionConflict(moved_on)


def _record_all(
    drafts: Sequence[EventDraft], links: Sequence[ChainedRow], recorded_at: datetime
) -> tuple[RecordedEvent, ...]:
    return tuple(to_recorded(draft, link, recorded_at) for draft, link in zip(drafts, links, strict=True))
