"""Filing into the access log as its consumers do, and what may befall them: a death, a wait, a migration."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import asyncpg
from hypothesis import HealthCheck, settings

from keyfold.domain.access.event import AccessEvent
from keyfold.store.access_log.partitions import partition_name
from keyfold.store.access_log.rows import COLUMNS, row_of
from keyfold.store.postgres import migrations
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.migrations import migrate
from keyfold.wire.offsets import Advance
from tests.support.eventually import eventually

TOPIC: Final = "access"
MIGRATIONS: Final = Path(migrations.__file__).parent / "migrations"
OVER_ONE_LOG: Final = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example empties the log itself
)
WILL_DIE: Final = """
create or replace function public.die() returns trigger language plpgsql as
$$ begin raise exception 'the process died here'; end $$;
"""


def step(expected: int, following: int | None = None, *, partition: int = 0) -> Advance:
    """Return one partition's step, to the next offset unless another is named."""
    return Advance(
        partition=partition, expected=expected, next=expected + 1 if following is None else following
    )


def deaths(table: str) -> Mapping[str, str]:
    """Return where a consumer may die, as the trigger that kills it: while it writes a table, or later."""
    return {
        "dies while it counts": f"create trigger death before insert on {table}",
        "dies at the commit": "create constraint trigger death after insert or update on access_log.offsets"
        " deferrable initially deferred for each row",
    }


@asynccontextmanager
async def kill_filing(pool: Pool, table: str, fate: str) -> AsyncIterator[None]:
    """Kill whoever files meanwhile, if that is its fate among the `deaths` of a table."""
    if death := deaths(table).get(fate):
        await pool.execute(f"{WILL_DIE} {death} execute function public.die()")
    try:
        yield
    finally:
        await pool.execute(
            f"drop trigger if exists death on {table}; drop trigger if exists death on access_log.offsets"
        )


async def are_waiting(pool: Pool, consumers: int, table: str) -> bool:
    """Tell whether so many consumers wait for a row of a table."""
    waiting: int = await pool.fetchval(
        "select count(*) from pg_stat_activity"
        f" where wait_event_type = 'Lock' and query like '%{table}%' and datname = current_database()"
    )
    return waiting == consumers


async def migrate_to_before(database: str, migration: str, directory: Path) -> None:
    """Bring an empty database to where it was before a migration, whose predecessors the directory gets."""
    for each in MIGRATIONS.glob("*.sql"):
        if each.stem < migration:
            (directory / each.name).write_text(each.read_text())
    await migrate(database, directory=directory)


async def migrate_while_filing(database: str, pool: Pool, events: Sequence[AccessEvent]) -> None:
    """Migrate a database to its end while events are being filed as before there was the migration."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("insert into access_log.offsets values ('access', 0, 1)")
        migrating = asyncio.create_task(migrate(database))
        await eventually(lambda: _migration_waits(pool))
        await copy(connection, events)
    await migrating


async def copy(connection: Pool | asyncpg.Connection, events: Sequence[AccessEvent]) -> None:
    """Write events' rows, as they always were, and nothing else of a filing."""
    columns = COLUMNS[: COLUMNS.index("policy")]
    rows = [row_of(each)[: len(columns)] for each in events]
    await connection.copy_records_to_table("events", schema_name="access_log", columns=columns, records=rows)


async def make_early_partition(pool: Pool, day: date) -> None:
    """Make a day's partition where no migration has made the function for it yet."""
    await pool.execute(
        f"create table access_log.{partition_name(day)} partition of access_log.events"
        f" for values from ('{day} 00:00Z') to ('{day + timedelta(days=1)} 00:00Z')"
    )


async def _migration_waits(pool: Pool) -> bool:
    return bool(
        await pool.fetchval(
            "select count(*) from pg_locks where not granted and relation = 'access_log.offsets'::regclass"
        )
    )
