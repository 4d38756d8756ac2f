"""Fixtures that any test may ask for; the servers start when the first test asks, and once a session."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling

from keyfold.local.process.fork_server import ForkServer
from keyfold.local.servers.kafka import LocalKafka
from keyfold.local.servers.postgres import LocalPostgres
from keyfold.local.service_specs import MODULES
from keyfold.runtime.settings.kafka import KafkaAccess
from tests.support.bed import Topics, kafka_in, postgres_in

pytest_plugins = ("tests.support.database", "tests.support.debian", "tests.support.counted")

# Whose tests share a stack that is dear to start: one process runs them all.
SHARING: Final = ("tests/acceptance", "tests/chaos", "tests/gateways", "tests/page/provider", "tests/page")


MEMORY: Final = Path("/dev/shm")
MEMORY_BYTES_MIN: Final = 8 * 1024**3


def pytest_configure() -> None:
    """Keep tests' files in memory if there is room: a disk takes minutes for ten thousand files."""
    if MEMORY.is_dir() and _is_roomy(MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))  # pytest's own name for the place


def pytest_collection_finish() -> None:
    """Keep Python's collector from scanning six thousand tests again and again."""
    gc.collect()
    gc.freeze()


def _is_roomy(place: Path) -> bool:
    told = os.statvfs(place)
    has_room = told.f_bavail * told.f_frsize >= MEMORY_BYTES_MIN
    return has_room and not told.f_flag & os.ST_NOEXEC and os.access(place, os.W_OK)


class ByHome(LoadScopeScheduling):
    """Distributes tests by what they share: those of a shared stack together, else those of a file."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return next((home for home in SHARING if path.startswith(home)), path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByHome:
    """Distribute the tests among the processes that pytest-xdist has started."""
    return ByHome(config, log)


@pytest.fixture(scope="session")
async def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalPostgres]:
    """A running PostgreSQL; `.dsn` is its superuser's address."""
    server = postgres_in(tmp_path_factory.mktemp("postgres"))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="session")
async def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalKafka]:
    """A running Kafka broker. A test that stops or kills one starts its own."""
    broker = kafka_in(tmp_path_factory.mktemp("kafka"))
    await broker.start()
    yield broker
    await broker.stop()


@pytest.fixture(scope="session")
async def fork_server() -> AsyncIterator[ForkServer]:
    """Forks services from a process that has imported their modules."""
    fork_server = ForkServer(Path(os.devnull), MODULES)
    yield fork_server
    await fork_server.close()


@pytest.fixture(scope="session")
def kafka_access(kafka_server: LocalKafka) -> KafkaAccess:
    """How the broker is reached, with all rights."""
    return kafka_server.access


@pytest.fixture(scope="session")
def topics(kafka_access: KafkaAccess) -> Topics:
    """`await topics("name", partitions=2)` makes a topic of the test's own and returns its name."""
    return Topics(kafka=kafka_access)
