"""Roles belong to the cluster: migrating its first database makes them, and needs no superuser."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from keyfold.local.servers.postgres import LocalPostgres
from keyfold.store.access_log.partitions import drop_before, partition_name
from keyfold.store.postgres import migrations
from keyfold.store.postgres.connection import open_connection
from keyfold.store.postgres.errors import DatabaseMisconfigured
from keyfold.store.postgres.migrations import migrate
from keyfold.store.postgres.roles import PROJECTION, ensure_login
from keyfold.store.read_model.generations import open_generations
from tests.support.access_events import EPOCH
from tests.support.bed import postgres_in
from tests.support.database import address, execute
from tests.support.state_secret import STATE_SECRET
from tests.support.store.logins import PASSWORD, address_of, login_of

FILES = Path(migrations.__file__).parent / "migrations"
DAY = EPOCH.date()

OWNERS = """
select oid::regclass::text as name, relowner::regrole::text as owner from pg_class
where (relnamespace::regnamespace::text = 'projection' or relname ~ '^events') and relkind in ('r', 'p')
"""


@pytest.fixture(scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalPostgres]:
    """A cluster without our roles, whose databases have an owner who is not a superuser."""
    server = postgres_in(tmp_path_factory.mktemp("cluster"))
    await server.start()
    await execute(server.dsn, f"create role owner login password '{PASSWORD}'")
    yield server
    await server.stop()


async def owned(cluster: LocalPostgres, name: str) -> str:
    """Make a database that the owner owns; return the owner's address of it."""
    await execute(cluster.dsn, f"create database {name} owner owner")
    return address(address_of(cluster.dsn, "owner"), name)


async def test_who_may_not_make_them(cluster: LocalPostgres) -> None:
    """An owner who may not create roles is told which are missing, and what to ask for."""
    with pytest.raises(
        DatabaseMisconfigured, match=r"keyfold_registry, .* are missing, .* may not create roles"
    ):
        await migrate(await owned(cluster, "humble"))


async def test_two_databases_at_once(cluster: LocalPostgres) -> None:
    """Databases of one cluster can be migrated at the same moment; they share the roles."""
    await execute(cluster.dsn, "alter role owner createrole")
    await asyncio.gather(*[migrate(await owned(cluster, f"one_of_{number}")) for number in range(4)])


async def test_roles_of_somebody_else(cluster: LocalPostgres) -> None:
    """An owner who is not a member of roles that own tables, as another user made the roles, is told so."""
    await execute(
        cluster.dsn, f"create role other login password '{PASSWORD}'", "create database other owner other"
    )
    other = address(address_of(cluster.dsn, "other"), "other")
    with pytest.raises(DatabaseMisconfigured, match="no member of keyfold_projection"):
        await migrate(other)
    await execute(cluster.dsn, "grant keyfold_projection, keyfold_audit to other")
    await migrate(other)


async def test_copy_of_a_database(cluster: LocalPostgres) -> None:
    """Migrating grants what a copied database or a restored dump lacks."""
    source, copy = await owned(cluster, "source"), address(address_of(cluster.dsn, "owner"), "copy")
    await migrate(source)
    await execute(cluster.dsn, "create database copy owner owner template source")
    with pytest.raises(DatabaseMisconfigured, match="permission denied for database"):
        await replaced(copy)
    await migrate(copy)
    await replaced(copy)


async def replaced(database: str) -> None:
    """Replace the read model, as the projection."""
    async with open_generations(await login_of(database, "projection"), STATE_SECRET) as generations:
        await generations.begin()
        await generations.swap()
        await generations.drop_old()


async def test_from_before_there_were_roles(cluster: LocalPostgres, tmp_path: Path) -> None:
    """Tables that services made when they logged in as the owner belong to the services' roles afterwards."""
    database = await owned(cluster, "aged")
    for path in sorted(FILES.glob("*.sql"))[:4]:
        shutil.copy(path, tmp_path)
    await migrate(database, directory=tmp_path)
    partition = f"access_log.{partition_name(DAY)}"
    await execute(
        database,
        f"create table {partition} partition of access_log.events"
        f" for values from ('{DAY}') to ('{DAY + timedelta(days=1)}')",
        "create table access_log.events_20200101 (like access_log.events)",
        "create schema projection",
        "create table projection.progress (position bigint)",
    )
    await migrate(database)
    async with open_connection(database, application_name="test") as connection:
        owners = {row["name"]: row["owner"] for row in await connection.fetch(OWNERS)}
    assert owners == {
        "access_log.events": "owner",
        partition: "owner",
        "access_log.events_20200101": "owner",
        "ledger.events": "owner",
        "projection.progress": PROJECTION,
    }
    await replaced(database)
    audit = await login_of(database, "audit")
    assert await drop_before(audit, DAY + timedelta(days=1)) == {DAY, date(2020, 1, 1)}


async def test_a_password_is_never_logged(cluster: LocalPostgres) -> None:
    """A server that logs every statement writes down no password of a login that is made."""
    log = cluster.child.command.log_path
    assert log is not None
    dsn = await owned(cluster, "logged")
    await execute(cluster.dsn, "alter role owner superuser", "alter role owner set log_statement = 'all'")
    login = "told_registry"
    await migrate(dsn)
    await ensure_login(dsn, login=login, password="Correct-Horse-Battery", service="registry")
    assert f"alter role {login} login password" in log.read_text()
    assert "Correct-Horse" not in log.read_text()
    parts = urlsplit(dsn)
    own = parts._replace(netloc=f"{login}:Correct-Horse-Battery@{parts.hostname}:{parts.port}").geturl()
    await execute(own, "select 1")
