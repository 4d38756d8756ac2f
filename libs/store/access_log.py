"""Filing access events by COPY, together with what is kept of them and how far each partition was filed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any, Final, TypeAlias

import asyncpg

from libs.domain.access_event import AccessEvent
from libs.domain.decision import status_of
from libs.domain.ids import KeyId
from libs.store.access_counts import COUNTED, add_counts
from libs.store.access_log_arrivals import number_filing, open_filing
from libs.store.access_log_rows import COLUMNS, row_of
from libs.store.connection import Connection, Pool
from libs.store.errors import OffsetsMoved, PartitionMissing, translated
from libs.store.filed_numbers import NUMBERED, NumberedRow, add_numbers
from libs.store.statements import load_statements

_sql = load_statements("access_log")
_FILED = (*COLUMNS, "filing")
_counted = itemgetter(*map(COLUMNS.index, COUNTED))
_numbered = itemgetter(*map(COLUMNS.index, NUMBERED))
_number_of: Final = attrgetter(*NUMBERED)

FiledRow: TypeAlias = tuple[Any, ...]
"""The values of a new row, in the order of its columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """One Kafka partition's step: from the offset that must be stored now to the one after the batch."""

    partition: int
    expected: int
    next: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """What became of a batch: rows that are new, and events that were there already."""

    rows: int
    duplicates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionEnd:
    """The end offset that a partition had in Kafka when it was asked for, by PostgreSQL's clock."""

    offset: int
    asked_at: datetime


class AccessLog:
    """Files batches of access events from one topic."""

    def __init__(self, pool: Pool, topic: str) -> None:
        self._pool = pool
        self._topic = topic
        self._repeats_expected = False

    async def next_offsets(self, partitions: frozenset[int]) -> Mapping[int, int]:
        """Return the next offset of each partition that was ever filed from. Raises DatabaseAway."""
        with translated():
            async with self._pool.acquire() as connection:
                rows = _sql.next_offsets(connection, topic=self._topic, partitions=list(partitions))
                return {row["partition"]: row["next_offset"] async for row in rows}

    async def file(self, events: Sequence[AccessEvent], advances: Sequence[Advance]) -> Filed:
        """File the events and move the offsets, both or neither; an event that is there already is left out.

        Raises DatabaseAway (it may have happened all the same: file again, and OffsetsMoved tells),
        OffsetsMoved or PartitionMissing.
        """
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                await self._advance(connection, advances)
                filing = await open_filing(connection)
                filed = await self._add(connection, events, filing) if events else ()
                await _note_last_used(connection, events)
                await add_counts(connection, map(_counted, filed))
                numbered = list(map(_numbered, filed))
                await add_numbers(connection, numbered, _left_out(events, numbered))
                if filed:
                    await number_filing(connection, filing, [at for _, _, at in numbered])
        return Filed(rows=len(filed), duplicates=len(events) - len(filed))

    async def time(self) -> datetime:
        """Return what PostgreSQL's clock says. Raises DatabaseAway."""
        with translated():
            async with self._pool.acquire() as connection:
                now: datetime = await _sql.time(connection)
        return now

    async def note_caught_up(self, ends: Mapping[int, PartitionEnd]) -> None:
        """Note of each partition that is filed to its end that it was complete when that was asked.

        A partition that was never filed from begins at its end: name none of which there is something to
        file. Raises DatabaseAway.
        """
        with translated():
            async with self._pool.acquire() as connection:
                await _sql.note_caught_up(
                    connection,
                    topic=self._topic,
                    partitions=list(ends),
                    ends=[end.offset for end in ends.values()],
                    times=[end.asked_at for end in ends.values()],
                )

    async def _advance(self, connection: Connection, advances: Sequence[Advance]) -> None:
        step = {
            "topic": self._topic,
            "partitions": [each.partition for each in advances],
            "expected": [each.expected for each in advances],
        }
        await _sql.begin_partitions(connection, **step)
        moved = _sql.advance_partitions(connection, **step, next=[each.next for each in advances])
        held = {row["partition"] async for row in moved}
        if lost := sorted({each.partition for each in advances} - held):
            raise OffsetsMoved(f"{self._topic}{lost} has moved on")

    async def _add(
        self, connection: Connection, events: Sequence[AccessEvent], filing: int
    ) -> Sequence[FiledRow]:
        """Return the rows that are new."""
        rows = [(*row_of(event), filing) for event in events]
        try:
            filed = None if self._repeats_expected else await _copied(connection, rows)
            if filed is None:
                filed = await _merged(connection, rows)
        except asyncpg.CheckViolationError as error:
            raise PartitionMissing(str(error)) from error
        # Repeats come in runs, after a shipper's crash; trying COPY in vain each time would double the work.
        self._repeats_expected = len(filed) < len(rows)
        return filed


async def _copied(connection: Connection, rows: Sequence[tuple[object, ...]]) -> Sequence[FiledRow] | None:
    """Copy straight in: all rows, or None with nothing done when one of them was there already."""
    try:
        async with connection.transaction():  # a savepoint, lest the offsets be lost with the rows
            await connection.copy_records_to_table(
                "events", schema_name="access_log", columns=_FILED, records=rows
            )
    except asyncpg.UniqueViolationError:
        return None
    return rows


async def _merged(connection: Connection, rows: Sequence[tuple[object, ...]]) -> Sequence[FiledRow]:
    """Copy beside the log, then take over what it lacks: those rows."""
    await _sql.make_staging(connection)
    await connection.copy_records_to_table(
        "access_log_staging", schema_name="pg_temp", columns=_FILED, records=rows
    )
    return [tuple(row) async for row in _sql.file_staged(connection)]


def _left_out(events: Sequence[AccessEvent], filed: Sequence[NumberedRow]) -> Sequence[NumberedRow]:
    if len(filed) == len(events):
        return ()
    came: Iterable[NumberedRow] = map(_number_of, events)
    return list((Counter(came) - Counter(filed)).elements())


async def _note_last_used(connection: Connection, events: Sequence[AccessEvent]) -> None:
    if used := uses(events):
        await _sql.note_last_used(connection, key_ids=list(used), times=list(used.values()))


def uses(events: Sequence[AccessEvent]) -> Mapping[KeyId, datetime]:
    """Return the last minute in which each key, vendor's or subscriber's, was used.

    A request that was not recognised (401) is no use of a key: whoever sends it need not have the secret.
    """
    latest: dict[KeyId, datetime] = {}
    for event in events:
        if status_of(event.reason) == 401:
            continue
        minute = event.at.replace(second=0, microsecond=0)
        for key_id in (event.key_id, event.vendor_key_id):
            if key_id is not None and latest.get(key_id, minute) <= minute:
                latest[key_id] = minute
    return latest
