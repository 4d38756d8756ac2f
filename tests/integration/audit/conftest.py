"""What every test of the access log starts from."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.store.access_log.addresses import use_text_codec
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import Pool, open_pool
from keyfold.wire.topics import ACCESS, DEAD_LETTER
from tests.support.access_events import EPOCH
from tests.support.audit.following import Wires
from tests.support.bed import Topics

TOPIC = "access"


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
async def wires(kafka_bootstrap: str, topics: Topics, database: str) -> AsyncIterator[Wires]:
    """Two partitions of access events."""
    async with Publisher(ProducerOptions(bootstrap=kafka_bootstrap)) as publisher:
        yield Wires(
            bootstrap=kafka_bootstrap,
            dsn=database,
            topic=await topics("access", partitions=2, config=ACCESS.config),
            dead_letter_topic=await topics("dead-letter", config=DEAD_LETTER.config),
            publisher=publisher,
        )
