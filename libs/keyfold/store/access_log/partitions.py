"""The access log's daily partitions: made ahead of time, dropped when too old, without blocking anyone."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from keyfold.store.postgres.connection import Connection, Pool, open_connection
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements

_sql = load_statements("access_log/partitions")
_PREFIX = "events_"
_DAY = timedelta(days=1)


class Partitions:
    """Makes the partitions; each holds one UTC day."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def days(self) -> frozenset[date]:
        """Return the days that have a partition. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                return frozenset(await _list_attached(connection))

    async def make(self, days: Iterable[date]) -> frozenset[date]:
        """Make the missing partitions of these days; return the days it made. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                await _sql.lock_making(connection)
                missing = frozenset(days) - (await _list_attached(connection)).keys()
                await _sql.own_what_is_made(connection)
                for day in sorted(missing):
                    await _make(connection, day)
        return missing


async def drop_before(dsn: str, oldest: date) -> frozenset[date]:
    """Drop the partitions of the days before `oldest`; return the days, none while another process does it.

    Takes as long as the longest transaction that now uses the log, and blocks nobody meanwhile. Raises
    DatabaseAway; the next call then finishes what this one began.
    """
    # A connection of its own, for a lock of the session and a statement that no timeout may cut off.
    async with open_connection(dsn, application_name="audit retention", statement_timeout_s=0) as connection:
        with translate_errors():
            if not await _sql.try_lock_dropping(connection):
                return frozenset()
            for day, pending in (await _list_attached(connection)).items():
                if day < oldest:
                    await _detach(connection, day, pending=pending)
            return await _drop(connection, oldest)


def partition_name(day: date) -> str:
    """Return the name of a day's partition, such as `events_20260131`."""
    return f"{_PREFIX}{day:%Y%m%d}"


def partition_day(name: str) -> date:
    """Return the day of a partition of that name. Raises ValueError for any other table."""
    return datetime.strptime(name, f"{_PREFIX}%Y%m%d").replace(tzinfo=UTC).date()


async def _list_attached(connection: Connection) -> dict[date, bool]:
    """Return the days of the attached partitions, each with whether its detachment was interrupted."""
    return {partition_day(row["name"]): row["detach_pending"] async for row in _sql.partitions(connection)}


async def _make(connection: Connection, day: date) -> None:
    since = datetime.combine(day, time(), UTC)
    name = partition_name(day)
    await connection.execute(await _sql.make_statement(connection, name=name))
    attach = await _sql.attach_statement(connection, name=name, since=since, until=since + _DAY)
    await connection.execute(attach)


async def _detach(connection: Connection, day: date, *, pending: bool) -> None:
    statement = _sql.finalize_statement if pending else _sql.detach_statement
    await connection.execute(await statement(connection, name=partition_name(day)))


async def _drop(connection: Connection, oldest: date) -> frozenset[date]:
    """Drop the detached tables before `oldest`; a younger one, which somebody detached by hand, stays."""
    detached = frozenset([partition_day(row["name"]) async for row in _sql.detached(connection)])
    dropped = frozenset(day for day in detached if day < oldest)
    for day in sorted(dropped):
        await connection.execute(await _sql.drop_statement(connection, name=partition_name(day)))
    return dropped
