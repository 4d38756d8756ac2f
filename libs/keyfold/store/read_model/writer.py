"""The fold into tables: a batch of events, the rows they change and the progress, in one transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from keyfold.domain.ids import StreamId
from keyfold.domain.lifecycle.aggregates import KIND_OF_EVENT
from keyfold.domain.lifecycle.fold import Aggregate, RecordedEvent
from keyfold.domain.lifecycle.state import State
from keyfold.domain.refusal import ImpossibleEvent
from keyfold.store.postgres.connection import Connection, Pool
from keyfold.store.postgres.errors import Fenced, UnfoldableEvent, translate_errors
from keyfold.store.postgres.statements import load_statements
from keyfold.store.read_model.reader import SERVING
from keyfold.store.read_model.rows import SHAPE, TABLES, Row, Table
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

    table: Table
    aggregate: Aggregate
    version: int
    created_at: datetime
    updated_at: datetime
    created_position: int

    def row(self) -> Row:
        return {
            **self.table.row(self.aggregate),
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
        state = State()
        for table, ids in _touched(events).items():
            async for row in getattr(self._sql, table.load)(connection, ids=list(ids)):
                state.put(table.read(row))
        return state

    async def _put(self, connection: Connection, changes: Iterable[_Change]) -> None:
        rows: defaultdict[Table, list[Row]] = defaultdict(list)
        for change in changes:
            rows[change.table].append(change.row())
        for table, those in rows.items():
            await getattr(self._sql, table.put)(connection, **_by_column(those))


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
                created_at=recorded.recorded_at,
                updated_at=recorded.recorded_at,
                created_position=recorded.position,
            )
        else:
            change.aggregate, change.version = aggregate, recorded.version
            change.updated_at = recorded.recorded_at
    return changes.values()


def _touched(events: Iterable[RecordedEvent]) -> Mapping[Table, set[str]]:
    touched: defaultdict[Table, set[str]] = defaultdict(set)
    for recorded in events:
        table = TABLES.get(KIND_OF_EVENT[type(recorded.event)])
        if table is not None:
            touched[table].add(getattr(recorded.event, table.id_column))
    return touched


def _by_column(rows: Sequence[Row]) -> Mapping[str, list[object]]:
    return {column: [row[column] for row in rows] for column in rows[0]}
