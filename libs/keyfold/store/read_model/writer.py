"""The fold into tables: a batch of events, the rows they change and the progress, in one transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keyfold.domain.ids import StreamId
from keyfold.domain.lifecycle.aggregates import KIND_OF_EVENT
from keyfold.domain.lifecycle.fold import Aggregate, RecordedEvent
from keyfold.domain.lifecycle.state import State
from keyfold.domain.refusal import ImpossibleEvent
from keyfold.store.postgres.connection import Connection, Pool
from keyfold.store.postgres.errors import Fenced, UnfoldableEvent, translate_errors
from keyfold.store.postgres.statements import load_statements
from keyfold.store.read_model.progress import GenerationProgress, read_progress
from keyfold.store.read_model.reader import SERVING
from keyfold.store.read_model.rows import SHAPE, TABLES, Row, Table, read_row
from keyfold.wire.events.chain import Head
from keyfold.wire.proof.keyed_sum import KeyedSum
from keyfold.wire.proof.state_digest import StatePlace, StateSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Events that follow each other, the head after them, and the Kafka offset to read on from.

    `seal_key` is the key in force after them to seal the ledger (32 bytes), empty before the first seal.
    """

    events: Sequence[RecordedEvent]
    head: Head
    next_offset: int
    seal_key: bytes = b""

    @property
    def expected(self) -> int:
        """The position that must have been reached for these events to be next."""
        return self.head.position - len(self.events)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What counts of the row that a stream had before: the hash that its sum has of it, and its position."""

    row_hash: int
    created_position: int


@dataclass(slots=True, kw_only=True)
class _Change:
    """What became of one stream in a batch; `created_position` counts only where there is no row yet."""

    table: Table
    aggregate: Aggregate
    version: int
    created_position: int


class ReadModelWriter:
    """Folds steps into one generation, and keeps its digest. Of two writers the second to commit is Fenced.

    One that `remembers` keeps all state in memory and loads nothing: it must be the generation's only writer,
    from position 1 on, as when one is built. After a failure it is of no more use.
    """

    def __init__(
        self, pool: Pool, secret: StateSecret, *, schema: str = SERVING, remembers: bool = False
    ) -> None:
        self._pool = pool
        self._secret = secret
        self._announces = schema == SERVING
        self._memory = (State(), dict[str, _Kept]()) if remembers else None
        self._sql = load_statements("read_model/writer", schema=schema)

    async def save(self, step: Step) -> None:
        """Write the step, all of it or nothing.

        Raises Fenced, UnfoldableEvent, ReadModelAltered, DatabaseAway, DatabaseMisconfigured. After
        DatabaseAway it may have been written all the same: look at the progress before saving it again.
        """
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                await self._sql.hold_generation(connection)
                sums = (await self._lock(connection, step)).open(self._secret)
                state, kept = self._memory or await self._load(connection, step.events)
                rows = _replace_rows(_fold(state, step.events), kept, sums, self._secret)
                for table, those in rows.items():
                    await getattr(self._sql, table.put)(connection, **_by_column(those))
                await self._advance(connection, step, sums)

    async def _lock(self, connection: Connection, step: Step) -> GenerationProgress:
        progress = read_progress(await self._sql.lock_progress(connection))
        if progress is None or progress.shape != SHAPE or progress.head.position != step.expected:
            raise Fenced(
                f"the read model is not at position {step.expected} any more: another projection runs"
            )
        return progress

    async def _advance(self, connection: Connection, step: Step, sums: Mapping[str, KeyedSum]) -> None:
        place = StatePlace(head=step.head, next_offset=step.next_offset, shape=SHAPE, seal_key=step.seal_key)
        await self._sql.advance(
            connection,
            position=step.head.position,
            head=step.head.hash,
            next_offset=step.next_offset,
            seal_key=step.seal_key,
            state_digest=self._secret.seal(place, sums),
            announces=self._announces,
        )

    async def _load(
        self, connection: Connection, events: Iterable[RecordedEvent]
    ) -> tuple[State, dict[str, _Kept]]:
        state, kept = State(), dict[str, _Kept]()
        for table, versions in _touched(events).items():
            row_hash = self._secret.row_hashes[table.name]
            async for row in getattr(self._sql, table.load)(connection, ids=list(versions)):
                row_id = row[table.id_column]
                state.put(read_row(table, row))
                # Hashed with the version that the ledger says it has: an edited row, or an older or newer one
                # of the ledger's own, is not the row in the sum, and that shows whatever is folded into it.
                encoded = table.encode(row, versions[row_id])
                kept[row_id] = _Kept(row_hash(encoded), row["created_position"])
        return state, kept


def _replace_rows(
    changes: Iterable[_Change],
    kept: dict[str, _Kept],
    sums: Mapping[str, KeyedSum],
    secret: StateSecret,
) -> Mapping[Table, Sequence[Row]]:
    """Return the rows to write, and put them into the sums and into what is kept instead of those before."""
    rows: defaultdict[Table, list[Row]] = defaultdict(list)
    for change in changes:
        table = change.table
        row: dict[str, Any] = {**table.row(change.aggregate), "version": change.version}
        before = kept.get(row[table.id_column])
        row["created_position"] = before.created_position if before else change.created_position
        row_hash = secret.row_hashes[table.name](table.encode(row, change.version))
        if before:
            sums[table.name].remove(before.row_hash)
        sums[table.name].add(row_hash)
        kept[row[table.id_column]] = _Kept(row_hash, row["created_position"])
        rows[table].append(row)
    return rows


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
                table=TABLES[KIND_OF_EVENT[type(recorded.event)]],
                aggregate=aggregate,
                version=recorded.version,
                created_position=recorded.position,
            )
        else:
            change.aggregate, change.version = aggregate, recorded.version
    return changes.values()


def _touched(events: Iterable[RecordedEvent]) -> Mapping[Table, dict[str, int]]:
    """Return the ids of the rows that events change, each with its stream's version before them."""
    touched: defaultdict[Table, dict[str, int]] = defaultdict(dict)
    for recorded in events:
        table = TABLES.get(KIND_OF_EVENT[type(recorded.event)])
        if table is not None:
            touched[table].setdefault(getattr(recorded.event, table.id_column), recorded.version - 1)
    return touched


def _by_column(rows: Sequence[Row]) -> Mapping[str, list[object]]:
    return {column: [row[column] for row in rows] for column in rows[0]}
