"""What every test of the access log starts from."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from libs.store.access_log import AccessLog
from libs.store.access_log_partitions import Partitions
from libs.store.connection import Pool, open_pool
from tests.access_events import EPOCH

TOPIC = "access"


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """Connections to a database of the test's own."""
    async with open_pool(database, application_name="test") as pool:
        yield pool


@pytest.fixture
async def partitions(pool: Pool) -> Partitions:
    """The partitions, of which there is one: the day of the test's events."""
    partitions = Partitions(pool)
    await partitions.make([EPOCH.date()])
    return partitions


@pytest.fixture
async def access_log(pool: Pool, partitions: Partitions) -> AccessLog:
    """A log that has a partition for the test's events."""
    assert await partitions.days() == {EPOCH.date()}
    return AccessLog(pool, TOPIC)
