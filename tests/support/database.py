"""A fresh, migrated database for each test, cloned from a template that is made once a session."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from keyfold.local.servers.postgres import LocalPostgres
from keyfold.store.postgres.migrations import migrate
from keyfold.store.postgres.roles import PROJECTION

_NUMBERS: Iterator[int] = itertools.count(1)


@pytest.fixture(scope="session")
async def template_database(postgres_server: LocalPostgres) -> str:
    """The name of a migrated database that nobody is connected to."""
    name = "template_keyfold"
    await execute(postgres_server.dsn, f"create database {name}")
    await migrate(address(postgres_server.dsn, name))
    return name


@pytest.fixture
async def database(postgres_server: LocalPostgres, template_database: str) -> AsyncIterator[str]:
    """The address of a migrated database of the test's own."""
    name = f"test_{next(_NUMBERS)}"
    yield await clone_database(postgres_server.dsn, template_database, name)
    await execute(postgres_server.dsn, f"drop database {name} with (force)")


@pytest.fixture
async def empty_database(postgres_server: LocalPostgres) -> AsyncIterator[str]:
    """The address of the test's own, empty database."""
    name = f"test_{next(_NUMBERS)}"
    await execute(postgres_server.dsn, f"create database {name}")
    yield address(postgres_server.dsn, name)
    await execute(postgres_server.dsn, f"drop database {name} with (force)")


async def clone_database(server_dsn: str, template: str, name: str) -> str:
    """Make a copy of a migrated database and return its address."""
    # What is granted on a database as a whole is not copied.
    await execute(
        server_dsn,
        f"create database {name} template {template} strategy file_copy",  # nothing of it is logged
        f"grant create on database {name} to {PROJECTION}",
    )
    return address(server_dsn, name)


async def execute(dsn: str, *statements: str) -> None:
    """Run statements as the superuser, outside of the code under test."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def address(dsn: str, database: str) -> str:
    """Return the address of another database of the same server."""
    return urlsplit(dsn)._replace(path=f"/{database}").geturl()
