"""A fresh, migrated database for each test, cloned from a template that is made once a session."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest

from libs.store.migrations import migrate
from services.cli.local.postgres import LocalPostgres

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
    async with _made(postgres_server.dsn, f"template {template_database}") as dsn:
        yield dsn


@pytest.fixture
async def empty_database(postgres_server: LocalPostgres) -> AsyncIterator[str]:
    """The address of a database of the test's own in which nothing was ever made."""
    async with _made(postgres_server.dsn, "") as dsn:
        yield dsn


@asynccontextmanager
async def _made(server_dsn: str, options: str) -> AsyncIterator[str]:
    name = f"test_{next(_NUMBERS)}"
    await execute(server_dsn, f"create database {name} {options}")
    yield address(server_dsn, name)
    await execute(server_dsn, f"drop database {name} with (force)")


async def execute(dsn: str, sql: str) -> None:
    """Run one statement as the superuser, outside of everything that is tested."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def address(dsn: str, database: str) -> str:
    """Return the address of another database of the same server."""
    return urlsplit(dsn)._replace(path=f"/{database}").geturl()
