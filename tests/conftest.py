"""Fixtures that any test may ask for; the servers start when the first test asks, and once a session."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.cli.local.kafka import LocalKafka
from services.cli.local.postgres import LocalPostgres
from tests.bed import Topics, kafka_in, postgres_in

pytest_plugins = ("tests.database",)


@pytest.fixture(scope="session")
async def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalPostgres]:
    """A running PostgreSQL; `.dsn` is its superuser's address."""
    server = postgres_in(tmp_path_factory.mktemp("postgres"))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="session")
async def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalKafka]:
    """A running Kafka broker. A test that stops or kills one starts its own with `tests.bed.kafka_in`."""
    broker = kafka_in(tmp_path_factory.mktemp("kafka"))
    await broker.start()
    yield broker
    await broker.stop()


@pytest.fixture(scope="session")
def kafka_bootstrap(kafka_server: LocalKafka) -> str:
    """The broker's address, `host:port`."""
    return kafka_server.bootstrap


@pytest.fixture(scope="session")
def topics(kafka_bootstrap: str) -> Topics:
    """`await topics("name", partitions=2)` makes a topic of the test's own and returns its name."""
    return Topics(bootstrap=kafka_bootstrap)
