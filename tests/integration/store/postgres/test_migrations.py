"""Migrations run forward, once each, by one process at a time; the second waits for the first."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from keyfold.store.postgres import migrations
from keyfold.store.postgres.connection import open_connection, open_pool
from keyfold.store.postgres.errors import DatabaseAway, DatabaseMisconfigured, MigrationFailed, NotMigrated
from keyfold.store.postgres.migrations import migrate, pending_migrations, require_migrations
from keyfold.store.postgres.statements import load_statements
from tests.support.database import address, execute
from tests.support.eventually import eventually
from tests.support.store.events import CREATED, draft, now, open_ledger
from tests.support.store.logins import PASSWORD, address_of

MIGRATE = """
import asyncio, sys
from keyfold.store.postgres.migrations import migrate
asyncio.run(migrate(sys.argv[1]))
"""
MIGRATIONS = Path(migrations.__file__).parent / "migrations"

WAITING = """
select count(*) from pg_locks
where locktype = 'advisory' and not granted
  and database = (select oid from pg_database where datname = current_database())
"""


async def _pending(database: str) -> tuple[str, ...]:
    async with open_pool(database, application_name="test") as pool:
        return await pending_migrations(pool)


async def test_empty_database(empty_database: str) -> None:
    """On an empty database all migrations are pending; after migrating, none is."""
    assert "20261123_01_ledger" in await _pending(empty_database)
    await migrate(empty_database)
    assert await _pending(empty_database) == ()


async def test_start_waits_for_an_owner(empty_database: str) -> None:
    """A service is told which migrations are missing and which command applies them; it applies none."""
    with pytest.raises(NotMigrated, match=r"lacks 20261123_01_ledger, .*run `keyfold migrate`"):
        await require_migrations(empty_database)
    assert "20261123_01_ledger" in await _pending(empty_database)
    await migrate(empty_database)
    await require_migrations(empty_database)


async def test_newer_database(database: str) -> None:
    """A service starts on a database that has newer migrations than its code."""
    await execute(
        database,
        "insert into public._pogo_migration (migration_hash, migration_id, schema_name)"
        " values ('x', '29991231_01_future', 'public')",
    )
    await require_migrations(database)


async def test_login_without_a_role(database: str) -> None:
    """A login without a role is told so, and not that the database lacks all migrations."""
    await execute(database, f"create role nobody_yet login password '{PASSWORD}'")
    with pytest.raises(NotMigrated, match="grant this login the role of its service"):
        await require_migrations(address_of(database, "nobody_yet"))


async def test_twice(database: str) -> None:
    """Migrating a database that is up to date changes nothing, and keeps its data."""
    async with open_ledger(database) as ledger:
        each = draft(CREATED)
        await ledger.append([each], {each.stream: 0}, now())
        before = await ledger.rows_after(0, 10)
        await migrate(database)
        assert await ledger.rows_after(0, 10) == before


async def test_two_processes_at_once(empty_database: str) -> None:
    """Two processes that migrate the same database at once take turns, and both succeed."""
    async with open_connection(empty_database, application_name="test") as connection:
        await load_statements("postgres/migrations").lock_migrations(connection)
        processes = [
            await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATE, empty_database)
            for _ in range(2)
        ]

        async def both_wait() -> bool:
            return bool(await connection.fetchval(WAITING) == 2)

        await eventually(both_wait)
    assert [await process.wait() for process in processes] == [0, 0]
    assert await _pending(empty_database) == ()


def _written(directory: Path, name: str, depends: str, sql: str) -> None:
    text = f"-- {name}\n-- depends: {depends}\n\n-- migrate: apply\n\n{sql}\n\n-- migrate: rollback\n"
    (directory / f"{name}.sql").write_text(text)


async def test_database_with_data(empty_database: str, tmp_path: Path) -> None:
    """A later migration sees the data of the earlier ones, and changes only what it says."""
    _written(tmp_path, "01_first", "", "create table public.fruit (name text);")
    await migrate(empty_database, directory=tmp_path)
    async with open_connection(empty_database, application_name="test") as connection:
        await connection.execute("insert into public.fruit values ('apple'), ('pear')")
        _written(tmp_path, "02_second", "01_first", "alter table public.fruit add size integer default 3;")
        await migrate(empty_database, directory=tmp_path)
        fruit = await connection.fetch("select name, size from public.fruit order by name")
    assert [tuple(each) for each in fruit] == [("apple", 3), ("pear", 3)]


async def test_broken_migration(empty_database: str, tmp_path: Path) -> None:
    """A migration that fails in the middle is rolled back, and the error names it."""
    _written(tmp_path, "01_broken", "", "create table public.half (name text);\nselect 1 / 0;")
    with pytest.raises(MigrationFailed, match="01_broken: division by zero"):
        await migrate(empty_database, directory=tmp_path)
    async with open_connection(empty_database, application_name="test") as connection:
        assert await connection.fetchval("select to_regclass('public.half')") is None


async def test_no_server() -> None:
    """When no server answers, the caller is told to try later."""
    with pytest.raises(DatabaseAway):
        await migrate("postgresql://nobody@127.0.0.1:1/nothing")


async def test_no_database(empty_database: str) -> None:
    """When the server has no such database, the process is told to stop."""
    with pytest.raises(DatabaseMisconfigured, match="does not exist"):
        await migrate(address(empty_database, "nothing"))


def test_each_migration_comes_after_the_one_before_it() -> None:
    """Migrations are in one order, however the directory lists its files."""
    files = sorted(MIGRATIONS.glob("*.sql"))
    depends = [re.search(r"^-- depends:(.*)$", each.read_text(), re.MULTILINE) for each in files]
    assert [found and found[1].strip() for found in depends] == ["", *(each.stem for each in files[:-1])]
