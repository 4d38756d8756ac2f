"""Each test runs over the access log in PostgreSQL, and over a sink in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.store.access_log.addresses import use_text_codec
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.postgres.connection import open_pool
from tests.support.access_events import EPOCH
from tests.support.bed import Topics
from tests.support.ingest.beds import Bed, PostgresBed
from tests.support.ingest.memory import MemoryBed
from tests.support.ingest.wires import Wires, wires_between


@pytest.fixture
async def wires(kafka_access: KafkaAccess, topics: Topics, database: str) -> AsyncIterator[Wires]:
    """Two partitions of access events."""
    async with wires_between(kafka_access, topics, database) as wires:
        yield wires


@pytest.fixture(params=["PostgreSQL", "memory"])
async def bed(request: pytest.FixtureRequest, wires: Wires) -> AsyncIterator[Bed]:
    """A sink, and what feeds it."""
    if request.param == "memory":
        yield MemoryBed(wires=wires)
        return
    async with open_pool(wires.dsn, application_name="test", prepare=use_text_codec) as pool:
        await Partitions(pool).make([EPOCH.date()])
        yield PostgresBed(wires=wires, pool=pool)
