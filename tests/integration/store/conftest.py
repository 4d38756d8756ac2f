"""What the tests of the store start from."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from keyfold.store.access_log.partitions import Partitions
from keyfold.store.enforcement.leases import Leases
from keyfold.store.read_model.generations import open_generations
from tests.support.access_events import EPOCH
from tests.support.seals import ledger_on
from tests.support.state_secret import STATE_SECRET
from tests.support.store.enforcing import Scene, watch_enforcement
from tests.support.store.logins import login_of, pool_of


@pytest.fixture
async def lived_in(database: str) -> str:
    """A database with a generation of the read model and a day of the access log, made by their services."""
    async with open_generations(await login_of(database, "projection"), STATE_SECRET) as generations:
        await generations.begin()
        await generations.swap()
    async with pool_of(database, "audit") as pool:
        await Partitions(pool).make([EPOCH.date()])
    return database


@pytest.fixture
async def scene(database: str) -> AsyncIterator[Scene]:
    """A ledger without any gatekeeper."""
    async with watch_enforcement(database) as (pool, enforcement):
        yield Scene(
            dsn=database, pool=pool, leases=Leases(pool), ledger=ledger_on(pool), enforcement=enforcement
        )
