"""Files access events by COPY, with their counts and the offsets of the partitions they came from."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Final, TypeAlias

import asyncpg
import structlog

from keyfold.domain.access.decision import UNRECOGNISED, Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.access.gatekeeper_run import RunRecord
from keyfold.domain.ids import KeyId
from keyfold.store.access_log.arrivals import number_batch, open_batch
from keyfold.store.access_log.batch import sort_by_time, split_by_hour
from keyfold.store.access_log.completeness.filed_numbers import add_numbers
from keyfold.store.access_log.completeness.sealed_sums import LogSeal, hour_number
from keyfold.store.access_log.counts import add_counts
from keyfold.store.access_log.rows import COLUMNS, requests_of, row_of
from keyfold.store.access_log.run_records import NumberedRecord, add_run_records
from keyfold.store.postgres.connection import Connection, Pool
from keyfold.store.postgres.errors import OffsetsMoved, PartitionMissing, translate_errors
from keyfold.store.postgres.statements import load_statements
from keyfold.wire.offsets import Advance, PartitionEnd

_sql = load_statements("access_log/writer")
_FILED = (*COLUMNS, "filing", "requests")
_at, _use = attrgetter("at"), attrgetter("key_id", "vendor_key_id", "reason")
_USES: Final = frozenset({None, *Reason}) - UNRECOGNISED

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Added:
    """The events that are new, and the places of the rows that others, left out, gainsay."""

    events: Sequence[AccessEvent] = ()
    contradicted: Sequence[NumberedRecord] = ()


_Add: TypeAlias = Callable[[Connection, Sequence[AccessEvent], int], Awaitable[_Added]]
"""Adds the rows of events under a batch's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """The outcome of a batch: the new events, sorted by time, and how many were there already."""

    events: Sequence[AccessEvent]
    duplicates: int


class AccessLog:
    """Files batches of access events from one topic."""

    def __init__(self, pool: Pool, topic: str, seal: LogSeal | None = None) -> None:
        self._pool = pool
        self._topic = topic
        self._seal = seal
        self._repeats_expected = False

    async def next_offsets(self, partitions: frozenset[int]) -> Mapping[int, int]:
        """Return the next offset of each partition that was ever filed from. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                rows = _sql.next_offsets(connection, topic=self._topic, partitions=list(partitions))
                return {row["partition"]: row["next_offset"] async for row in rows}

    async def file(
        self,
        events: Sequence[AccessEvent],
        advances: Sequence[Advance],
        run_records: Sequence[RunRecord] = (),
    ) -> Filed:
        """File all of it and move the offsets in one transaction; leave out what is there already.

        Raises OffsetsMoved or PartitionMissing, or DatabaseAway. After that the commit may still have
        happened: file again, and OffsetsMoved says that it had.
        """
        ordered = sort_by_time(events)
        with translate_errors():
            if not self._repeats_expected:
                with suppress(asyncpg.UniqueViolationError):
                    return await self._file(ordered, advances, run_records, _copy)
            filed = await self._file(ordered, advances, run_records, _merge)
        # Repeats come in a row, after a shipper's crash: a COPY that fails each time would double the work.
        self._repeats_expected = filed.duplicates > 0
        return filed

    async def _file(
        self,
        events: Sequence[AccessEvent],
        advances: Sequence[Advance],
        run_records: Sequence[RunRecord],
        add: _Add,
    ) -> Filed:
        async with self._pool.acquire() as connection, connection.transaction():
            await self._advance(connection, advances)
            batch_id = await open_batch(connection)
            added = await _add_rows(connection, events, batch_id, add) if events else _Added()
            filed = added.events
            hours = list(split_by_hour(filed))
            await _note_last_used(connection, events)
            await add_counts(connection, hours)
            others = await add_run_records(connection, run_records)
            duplicates = _find_duplicates(events, filed)
            await add_numbers(connection, hours, duplicates, others, added.contradicted)
            if self._seal is not None:
                await self._seal.add(connection, hours, others)
            if filed:
                await number_batch(connection, batch_id, hours)
        return Filed(events=filed, duplicates=len(events) - len(filed))

    async def time(self) -> datetime:
        """Return the time by PostgreSQL's clock. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                now: datetime = await _sql.time(connection)
        return now

    async def note_caught_up(self, ends: Mapping[int, PartitionEnd]) -> None:
        """Note, for each partition that is filed to its end, that it was complete when the end was read.

        A partition from which nothing was ever filed then begins at its end: leave out any with records still
        to file. Raises DatabaseAway.
        """
        with translate_errors():
            async with self._pool.acquire() as connection:
                await _sql.note_caught_up(
                    connection,
                    topic=self._topic,
                    partitions=list(ends),
                    ends=[end.offset for end in ends.values()],
                    times=[end.asked_at for end in ends.values()],
                )

    async def _advance(self, connection: Connection, advances: Sequence[Advance]) -> None:
        moved = _sql.advance_partitions(
            connection,
            topic=self._topic,
            partitions=[each.partition for each in advances],
            expected=[each.expected for each in advances],
            next=[each.next for each in advances],
        )
        held = {row["partition"] async for row in moved}
        if lost := sorted({each.partition for each in advances} - held):
            raise OffsetsMoved(f"{self._topic}{lost} has moved on")


async def _add_rows(
    connection: Connection, events: Sequence[AccessEvent], batch_id: int, add: _Add
) -> _Added:
    try:
        return await add(connection, events, batch_id)
    except asyncpg.CheckViolationError as error:
        raise PartitionMissing(str(error)) from error


async def _copy(connection: Connection, events: Sequence[AccessEvent], batch_id: int) -> _Added:
    """Copy all rows straight in. Raises UniqueViolationError when one of them is there already."""
    await connection.copy_records_to_table(
        "events", schema_name="access_log", columns=_FILED, records=_rows(events, batch_id)
    )
    return _Added(events=events)


async def _merge(connection: Connection, events: Sequence[AccessEvent], batch_id: int) -> _Added:
    """Copy the rows beside the log, and move over those that it lacks: what came first stays."""
    known: dict[tuple[datetime, str], AccessEvent] = {}
    contradicted = [
        _place(first.at, first.gatekeeper, first.seq)
        for event in events
        if (first := known.setdefault((event.at, event.event_id), event)) != event
    ]
    await _sql.make_staging(connection)
    await connection.copy_records_to_table(
        "access_log_staging", schema_name="pg_temp", columns=_FILED, records=_rows(known.values(), batch_id)
    )
    filed = sort_by_time([known[row["at"], row["event_id"]] async for row in _sql.file_staged(connection)])
    if len(filed) < len(known):
        rows = _sql.contradicted(connection)
        contradicted += [_place(row["at"], row["gatekeeper"], row["seq"]) async for row in rows]
    if contradicted:
        _, gatekeeper, seq = contradicted[0]
        log.error("events_contradicted", events=len(contradicted), gatekeeper=gatekeeper, seq=seq)
    return _Added(events=filed, contradicted=contradicted)


def _place(at: datetime, gatekeeper: str, seq: int) -> NumberedRecord:
    return NumberedRecord(hour_number(at), gatekeeper, seq)


def _rows(events: Iterable[AccessEvent], batch_id: int) -> Iterator[tuple[object, ...]]:
    # One at a time, so that PostgreSQL stores the first while the last are made.
    return ((*row_of(event), batch_id, requests_of(event)) for event in events)


def _find_duplicates(events: Sequence[AccessEvent], filed: Sequence[AccessEvent]) -> Iterable[AccessEvent]:
    return () if len(filed) == len(events) else (Counter(events) - Counter(filed)).elements()


async def _note_last_used(connection: Connection, events: Sequence[AccessEvent]) -> None:
    used, refused = find_uses(events)
    if used:
        await _sql.note_last_used(connection, key_ids=list(used), times=list(used.values()))
    if refused:
        await _sql.note_last_refused(connection, key_ids=list(refused), times=list(refused.values()))


def find_uses(events: Sequence[AccessEvent]) -> tuple[Mapping[KeyId, datetime], Mapping[KeyId, datetime]]:
    """Return the last minute in which each key, a vendor's or a subscriber's, was used, and was refused.

    The events must be sorted by time. A request that was not recognised (401) is a refusal of the key, not a
    use. A request that was denied for a reason that this code does not know is neither.
    """
    used, refused = dict[KeyId, datetime](), dict[KeyId, datetime]()
    # Only the last of those that are alike is looked at.
    last_of_each = dict(zip(map(_use, events), map(_at, events), strict=True))
    for (key_id, vendor_key_id, reason), at in last_of_each.items():
        latest = used if reason in _USES else refused if reason in UNRECOGNISED else {}
        minute = at.replace(second=0, microsecond=0)
        for each in (key_id, vendor_key_id):
            if each is not None and latest.get(each, minute) <= minute:
                latest[each] = minute
    return used, refused
