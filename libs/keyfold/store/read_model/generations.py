"""Generations of the read model: whole schemas of tables, built beside each other and swapped by name.

`projection` serves; `projection_next` is being built; `projection_old` has served and is about to go.
Whoever needs the serving generation for more than one statement holds it (`hold_generation`), and a swap
waits for those.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from asyncpg import FeatureNotSupportedError, LockNotAvailableError, SyntaxOrAccessError
from asyncpg.transaction import Transaction

from keyfold.store.postgres.connection import Connection, Pool, open_connection
from keyfold.store.postgres.errors import NoStandstill, ReplayRunning, translate_errors
from keyfold.store.postgres.statements import load_statements
from keyfold.store.read_model.progress import GenerationProgress, read_progress
from keyfold.store.read_model.reader import SERVING
from keyfold.store.read_model.rows import SHAPE
from keyfold.wire.events.chain import GENESIS
from keyfold.wire.proof.state_digest import StatePlace, StateSecret, make_empty_sums

NEXT = "projection_next"
OLD = "projection_old"

IDS_NAMED_MAX = 100
STANDSTILL_ATTEMPTS_MAX = 120
_UNBOUNDED = 0.0

_tables = load_statements("read_model/tables", schema=NEXT)
_progress = load_statements("read_model/reader", schema=SERVING).progress
_sealed_progress = load_statements("read_model/snapshots", schema=SERVING).sealed_progress
_announce = load_statements("read_model/writer", schema=SERVING).announce
_serving_sql = load_statements("read_model/generations", schema=SERVING)
_next_sql = load_statements("read_model/generations", schema=NEXT)
_old_sql = load_statements("read_model/generations", schema=OLD)


async def serving_progress(client: Pool | Connection) -> GenerationProgress | None:
    """Return the serving generation's progress, None where there is none. Raises DatabaseAway."""
    with translate_errors():
        if not await _serving_sql.exists(client, schema=SERVING):
            return None
        progress = read_progress(await _progress(client))
        if progress is None or not progress.has_our_shape:
            return progress
        return read_progress(await _sealed_progress(client))


class Generations:
    """The right to build the next generation and to put it in the serving one's place; one process has it."""

    def __init__(self, dsn: str, connection: Connection, secret: StateSecret) -> None:
        self._dsn = dsn
        self._connection = connection
        self._secret = secret

    async def begin(self) -> None:
        """Make the next generation's tables, empty; what an interrupted replay left behind is dropped."""
        start = StatePlace(head=GENESIS, next_offset=0, shape=SHAPE, seal_key=b"")
        with translate_errors():
            await _old_sql.drop_generation(self._connection)
            async with self._connection.transaction():
                await _next_sql.drop_generation(self._connection)
                await _tables.create_generation(self._connection)
                await _next_sql.start_progress(
                    self._connection,
                    head=start.head.hash,
                    shape=start.shape,
                    seal_key=start.seal_key,
                    state_digest=self._secret.seal(start, make_empty_sums()),
                )

    @asynccontextmanager
    async def standstill(self) -> AsyncIterator[None]:
        """Keep the serving generation at its position within the block, which is a transaction. Reads go on.

        Raises NoStandstill when the generation is held by others for too long.
        """
        transaction = await self._stopped()
        try:
            yield
        except BaseException:
            with translate_errors():
                await transaction.rollback()
            raise
        with translate_errors():
            await transaction.commit()

    async def _stopped(self) -> Transaction:
        for _ in range(STANDSTILL_ATTEMPTS_MAX):
            with translate_errors():
                transaction = self._connection.transaction()
                await transaction.start()
                await _serving_sql.bound_waiting(self._connection)
                try:
                    await _serving_sql.stop_generation(self._connection)
                    return transaction
                except LockNotAvailableError:
                    await transaction.rollback()
        raise NoStandstill("the serving read model is held by other transactions without a pause")

    @asynccontextmanager
    async def compared(self) -> AsyncIterator["Comparison"]:
        """Freeze a view of both generations as they are now; what happens later does not show in it."""
        async with open_connection(
            self._dsn, application_name="replay comparison", statement_timeout_s=_UNBOUNDED
        ) as connection:
            with translate_errors():
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    await _serving_sql.see(connection)
                    yield Comparison(connection)

    async def swap(self) -> None:
        """Let the next generation serve, within a standstill: both must be at one position."""
        with translate_errors():
            if await _serving_sql.has_name(self._connection, schema=SERVING):
                await _serving_sql.retire(self._connection)
            await _serving_sql.promote(self._connection)
            row = await _progress(self._connection)
            await _announce(self._connection, position=row["position"])

    async def drop_old(self) -> None:
        """Drop the generation that a swap has retired, once nobody reads it any more."""
        with translate_errors():
            await _old_sql.drop_generation(self._connection)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDifference:
    """How many rows of a table differ between two generations, and the ids of the first of them.

    `rows` is None where the serving generation's table cannot be compared: it is gone, or made otherwise.
    """

    table: str
    rows: int | None
    ids: tuple[str, ...]


class Comparison:
    """Two generations side by side at one moment."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def differences(self) -> tuple[TableDifference, ...]:
        """Return the tables whose rows differ, byte for byte; empty when the generations are the same."""
        with translate_errors():
            found = [await self._difference(table) for table in ("accounts", "vendors", "keys")]
        return tuple(difference for difference in found if difference.rows != 0)

    async def _difference(self, table: str) -> TableDifference:
        statement = getattr(_serving_sql, f"differing_{table}")
        try:
            async with self._connection.transaction():  # a savepoint
                rows = [row async for row in statement(self._connection, limit=IDS_NAMED_MAX)]
        except (SyntaxOrAccessError, FeatureNotSupportedError):
            return TableDifference(table=table, rows=None, ids=())
        return TableDifference(
            table=table, rows=rows[0]["total"] if rows else 0, ids=tuple(row["id"] for row in rows)
        )


@asynccontextmanager
async def open_generations(dsn: str, secret: StateSecret) -> AsyncIterator[Generations]:
    """Take the right to build a generation for the length of the block. Raises ReplayRunning."""
    async with open_connection(dsn, application_name="replay", statement_timeout_s=_UNBOUNDED) as connection:
        with translate_errors():
            locked = await _serving_sql.lock_replays(connection)
        if not locked:
            raise ReplayRunning("another process is building a generation of the read model")
        yield Generations(dsn, connection, secret)
