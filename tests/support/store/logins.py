"""Logging in to a test's database as a service does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from keyfold.store.postgres.connection import Pool, open_pool
from keyfold.store.postgres.roles import ensure_login

PASSWORD = "secret"


def address_of(database: str, login: str) -> str:
    """Return the address with a login that has everybody's password."""
    parts = urlsplit(database)
    return parts._replace(netloc=f"{login}:{PASSWORD}@{parts.hostname}:{parts.port}").geturl()


async def login_of(database: str, service: str, name: str = "somebody") -> str:
    """Make a login for a service, and return its address."""
    login = f"{name}_{service}"
    await ensure_login(database, login=login, password=PASSWORD, service=service)
    return address_of(database, login)


@asynccontextmanager
async def pool_of(database: str, service: str) -> AsyncIterator[Pool]:
    """Yield connections of a service's login."""
    async with open_pool(await login_of(database, service), application_name="test") as pool:
        yield pool
