"""What every test of the access log starts from."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.store.access_log.addresses import use_text_codec
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import Pool, open_pool
from tests.support.access_events import EPOCH
from tests.support.audit.filing import TOPIC
from tests.support.audit.log import Log, asking
from tests.support.bed import Topics
from tests.support.ingest.wires import Wires, wires_between
from tests.support.runtime.serving import Client


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """Connections to a database of the test's own, as the audit service has them."""
    async with open_pool(database, application_name="test", prepare=use_text_codec) as pool:
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


@pytest.fixture
def log(pool: Pool) -> Log:
    """An empty log."""
    return Log(pool)


@pytest.fixture
async def client(database: str, pool: Pool) -> AsyncIterator[Client]:
    """A client of the audit service."""
    async with asking(database, pool) as client:
        yield client


@pytest.fixture
async def wires(kafka_access: KafkaAccess, topics: Topics, database: str) -> AsyncIterator[Wires]:
    """Two partitions of access events."""
    async with wires_between(kafka_access, topics, database) as wires:
        yield wires
