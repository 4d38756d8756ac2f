"""A world for each test: its own database, and the session's broker with the lifecycle topic."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.topics import ensure_topics
from keyfold.local.process.fork_server import ForkServer
from keyfold.local.servers.postgres import LocalPostgres
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.topics import ALL
from tests.support.database import clone_database
from tests.support.gatekeeper.practice import practice
from tests.support.gatekeeper.world import Gatekeeper, World, world_on


@pytest.fixture(scope="session")
async def lifecycle_publisher(kafka_access: KafkaAccess) -> AsyncIterator[Publisher]:
    """A publisher to a broker that has the topics."""
    await ensure_topics(kafka_access, ALL)
    async with Publisher(ProducerOptions(kafka=kafka_access)) as publisher:
        yield publisher


@pytest.fixture
async def world(
    database: str,
    kafka_access: KafkaAccess,
    lifecycle_publisher: Publisher,
    tmp_path: Path,
    fork_server: ForkServer,
) -> AsyncIterator[World]:
    """A world in which nothing has happened yet."""
    async with world_on(database, kafka_access, lifecycle_publisher, tmp_path, fork_server) as world:
        yield world


@pytest.fixture(scope="module")
def history() -> Sequence[LifecycleEvent]:
    """What has happened in the practice of `gatekeeper`; a module may name another history."""
    return practice()


@pytest.fixture(scope="module")
async def gatekeeper(
    postgres_server: LocalPostgres,
    template_database: str,
    kafka_access: KafkaAccess,
    lifecycle_publisher: Publisher,
    tmp_path_factory: pytest.TempPathFactory,
    fork_server: ForkServer,
    history: Sequence[LifecycleEvent],
) -> AsyncIterator[Gatekeeper]:
    """A gatekeeper of a practice in which nothing changes, for the tests of one module."""
    directory = tmp_path_factory.mktemp("gatekeeper")
    name = directory.name.replace("-", "_")
    dsn = await clone_database(postgres_server.dsn, template_database, name)
    async with world_on(dsn, kafka_access, lifecycle_publisher, directory, fork_server) as world:
        await world.append(*history)
        await world.project()
        async with world.gatekeeper() as running:
            yield running
