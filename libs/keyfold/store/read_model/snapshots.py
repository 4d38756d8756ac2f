"""Everything that the read model serves as of one position, believed only if it adds up to its digest."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from keyfold.domain.lifecycle.state import State
from keyfold.store.postgres.connection import Connection, Pool
from keyfold.store.postgres.errors import ReadModelAbsent, ReadModelAltered, translate_read_model_errors
from keyfold.store.postgres.statements import load_statements
from keyfold.store.read_model.progress import GenerationProgress, read_progress
from keyfold.store.read_model.reader import SERVING, read_position
from keyfold.store.read_model.rows import (
    ACCOUNTS,
    KEYS,
    UNREADABLE,
    VENDORS,
    Row,
    Table,
    encode_key,
    read_row,
)
from keyfold.wire.events.chain import Head
from keyfold.wire.keys.packed import Packed
from keyfold.wire.keys.packed_key import pack_key, unpack_key
from keyfold.wire.proof.keyed_sum import KeyedSum
from keyfold.wire.proof.state_digest import StateSecret, make_empty_sums

# So many are in the state within a few milliseconds, in which no answer goes out.
_FETCH_ROWS = 2000
_FETCH_ROWS_COMPARED = 100
_IDS_NAMED_MAX = 10

_sql = load_statements("read_model/snapshots", schema=SERVING)
_writes = load_statements("read_model/writer", schema=SERVING)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadProgress:
    """How far a snapshot has come: so many keys of all that there are."""

    keys: int
    of_keys: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything as of `head`, its keys packed, and the Kafka offset from which to follow on.

    `seal_key` is the key in force at `head` to seal the ledger (32 bytes), empty before the first seal.
    """

    state: State
    head: Head
    next_offset: int
    seal_key: bytes


class Snapshots:
    """Loads and checks the serving generation with the secret that its rows are sealed with.

    Raises ReadModelAltered, ReadModelAbsent while there is none, DatabaseAway or DatabaseMisconfigured.
    """

    def __init__(self, pool: Pool, secret: StateSecret) -> None:
        self._pool = pool
        self._secret = secret

    async def snapshot(self, on_progress: Callable[[LoadProgress], None] = lambda _loaded: None) -> Snapshot:
        """Return everything as of one position, and say every few milliseconds how far that has come.

        Rows are streamed: only the state itself takes memory.
        """
        keys = Packed(pack_key, unpack_key)
        state = State(keys=keys)
        async with self._frozen() as (connection, progress):
            of_keys = await _sql.count_keys(connection)
            on_progress(LoadProgress(keys=0, of_keys=of_keys))
            sums = make_empty_sums()
            accounts = await self._read_table(ACCOUNTS, connection, sums)
            vendors = await self._read_table(VENDORS, connection, sums)

            def load(rows: Sequence[Row]) -> None:
                ids, packed = self._add_keys(rows, sums)
                keys.load(zip(ids, packed, strict=True))
                on_progress(LoadProgress(keys=len(keys), of_keys=of_keys))

            await _work_through(_sql.all_keys_cursor(connection), load)
            _require_equal(sums, progress.open(self._secret))
        for table, those in ((ACCOUNTS, accounts), (VENDORS, vendors)):
            for start in range(0, len(those), _FETCH_ROWS):
                for row in those[start : start + _FETCH_ROWS]:
                    state.put(read_row(table, row))
                await asyncio.sleep(0)
        return Snapshot(
            state=state,
            head=progress.head,
            next_offset=progress.next_offset,
            seal_key=progress.seal_key,
        )

    async def check(self) -> None:
        """Return if every column of every row is what was folded into it, after some seconds a million keys.

        What keys are found, listed and named by is compared with what is packed of them.
        """
        sums, odd = make_empty_sums(), list[str]()
        async with self._frozen() as (connection, progress):
            await self._read_table(ACCOUNTS, connection, sums)
            await self._read_table(VENDORS, connection, sums)

            def compare(rows: Sequence[Row]) -> None:
                for row in rows:
                    self._add(KEYS, row, sums)
                    if not _is_copy(row):
                        odd.append(row["key_id"])

            await _work_through(_sql.all_key_copies_cursor(connection), compare, _FETCH_ROWS_COMPARED)
            _require_equal(sums, progress.open(self._secret))
        if odd:
            named = ", ".join(odd[:_IDS_NAMED_MAX])
            raise ReadModelAltered(f"{len(odd)} rows of keys are not what is packed in them: {named}")

    async def add_up(self) -> tuple[GenerationProgress, Mapping[str, KeyedSum]]:
        """Return the progress, whoever wrote it, and the sums of the rows as they are."""
        sums = make_empty_sums()
        async with self._frozen() as (connection, progress):
            await self._read_table(ACCOUNTS, connection, sums)
            await self._read_table(VENDORS, connection, sums)
            keys = _sql.all_keys_cursor(connection)
            await _work_through(keys, lambda rows: self._add_keys(rows, sums))
        return progress, sums

    @asynccontextmanager
    async def _frozen(self) -> AsyncIterator[tuple[Connection, GenerationProgress]]:
        """Yield a connection that sees one moment, and the progress then."""
        with translate_read_model_errors(), _alterations_shown():
            async with (
                self._pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                await _writes.hold_generation(connection)
                await read_position(connection)  # its columns are the same in every shape
                progress = read_progress(await _sql.sealed_progress(connection))
                if progress is None:
                    raise ReadModelAbsent("it has no progress")
                yield connection, progress

    async def _read_table(
        self, table: Table, connection: Connection, sums: Mapping[str, KeyedSum]
    ) -> list[Row]:
        found: list[Row] = []

        def add(rows: Sequence[Row]) -> None:
            for row in rows:
                self._add(table, row, sums)
            found.extend(rows)

        await _work_through(getattr(_sql, f"all_{table.name}_cursor")(connection), add)
        return found

    def _add(self, table: Table, row: Row, sums: Mapping[str, KeyedSum]) -> None:
        sums[table.name].add(self._secret.row_hashes[table.name](table.encode(row, row["version"])))

    def _add_keys(
        self, rows: Iterable[Row], sums: Mapping[str, KeyedSum]
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        """Put keys into their sum, and return their ids and what is packed."""
        ids, places, packed = zip(*rows, strict=True)
        row_hash = self._secret.row_hashes[KEYS.name]
        sums[KEYS.name].add(row_hash.add_up(map(encode_key, ids, places, packed)), len(ids))
        return ids, packed


async def _work_through(
    rows: Any, work: Callable[[Sequence[Row]], object], rows_max: int = _FETCH_ROWS
) -> None:
    """Do work on each batch of rows, while PostgreSQL finds the next one."""
    async with rows as statement:
        cursor = await statement
        batch = await cursor.fetch(rows_max)
        while batch:
            following = asyncio.create_task(cursor.fetch(rows_max))
            await asyncio.sleep(0)  # it is asked for now
            try:
                work(batch)
            finally:
                batch = await following


def _is_copy(row: Row) -> bool:
    """Tell whether a key's columns say what is packed of it."""
    return all(row[column] == value for column, value in KEYS.row(read_row(KEYS, row)).items())


def _require_equal(found: Mapping[str, KeyedSum], sealed: Mapping[str, KeyedSum]) -> None:
    differences = [_describe(table, found[table], sealed[table]) for table in sealed]
    if any(differences):
        raise ReadModelAltered("; ".join(filter(None, differences)))


def _describe(table: str, found: KeyedSum, sealed: KeyedSum) -> str | None:
    if found.rows != sealed.rows:
        return f"{table} has {found.rows:,} rows and not {sealed.rows:,}"
    return None if found == sealed else f"{table} has other rows"


@contextmanager
def _alterations_shown() -> Iterator[None]:
    """Translate what reading rows raises that this code did not write, or tables that it did not make."""
    try:
        yield
    except UNREADABLE as fault:
        raise ReadModelAltered(f"its rows cannot be read: {type(fault).__name__}") from fault
    except (asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError) as gone:
        raise ReadModelAltered(f"its tables are not ours: {gone}") from gone
