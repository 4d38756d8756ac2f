"""The access log's daily partitions: made ahead of time, dropped when too old, without blocking anyone."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

import asyncpg
import structlog

from keyfold.store.postgres.connection import Connection, Pool, open_connection
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements

_sql = load_statements("access_log/partitions")
_PREFIX = "events_"

log = structlog.get_logger(__name__)


class Partitions:
    """Makes the partitions; each holds one UTC day."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def days(self) -> frozenset[date]:
        """Return the days that have a partition. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection:
                return await _list_attached(connection)

    async def make(self, days: Iterable[date]) -> frozenset[date]:
        """Make the missing partitions of these days; return the days it made. Raises DatabaseAway."""
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                await _sql.lock_making(connection)
                missing = frozenset(days) - await _list_attached(connection)
                return frozenset([day for day in sorted(missing) if await _sql.make_day(connection, day=day)])


async def drop_before(dsn: str, oldest: date) -> frozenset[date]:
    """Drop the partitions of the days before `oldest`; return the days, none while another process does it.

    A day that somebody reads is left for the next call: others would wait behind whoever waits for it. Raises
    DatabaseAway, or DatabaseMisconfigured for a day that the log keeps yet.
    """
    dropped: set[date] = set()
    async with open_connection(dsn, application_name="audit retention") as connection:
        with translate_errors():
            if not await _sql.try_lock_dropping(connection):
                return frozenset()
            for day in [partition_day(row["name"]) async for row in _sql.days(connection)]:
                if day >= oldest:
                    continue
                try:
                    await _sql.drop_day(connection, day=day)
                except asyncpg.LockNotAvailableError:
                    log.info("partition_in_use", day=str(day))
                    break
                dropped.add(day)
    return frozenset(dropped)


def partition_name(day: date) -> str:
    """Return the name of a day's partition, such as `events_20260131`."""
    return f"{_PREFIX}{day:%Y%m%d}"


def partition_day(name: str) -> date:
    """Return the day of a partition of that name. Raises ValueError for any other table."""
    return datetime.strptime(name, f"{_PREFIX}%Y%m%d").replace(tzinfo=UTC).date()


async def _list_attached(connection: Connection) -> frozenset[date]:
    return frozenset([partition_day(row["name"]) async for row in _sql.partitions(connection)])
