"""One scene for all gateways, each of which runs once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.topics import ensure_topics
from keyfold.local.process.fork_server import ForkServer
from keyfold.local.servers.postgres import LocalPostgres
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.topics import ALL
from tests.support.database import clone_database
from tests.support.gatekeeper.world import world_on
from tests.support.gateways.every import GATEWAYS
from tests.support.gateways.matrix import table
from tests.support.gateways.running import KINDS, Gateway, Name
from tests.support.gateways.scene import Scene, scene_in


@pytest.fixture(scope="package")
async def scene(
    postgres_server: LocalPostgres,
    template_database: str,
    kafka_access: KafkaAccess,
    tmp_path_factory: pytest.TempPathFactory,
    fork_server: ForkServer,
) -> AsyncIterator[Scene]:
    """Gatekeepers in every condition, and the API."""
    directory = tmp_path_factory.mktemp("gateways")
    dsn = await clone_database(postgres_server.dsn, template_database, directory.name)
    await ensure_topics(kafka_access, ALL)
    async with (
        Publisher(ProducerOptions(kafka=kafka_access)) as publisher,
        world_on(dsn, kafka_access, publisher, directory, fork_server) as world,
        scene_in(world) as scene,
    ):
        yield scene


@pytest.fixture(scope="package")
async def running(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """The gateways that run, each started when the first test asks for it."""
    async with AsyncExitStack() as stack:
        yield Running(scene=scene, directory=tmp_path_factory.mktemp("running"), stack=stack)


class Running:
    """Starts each gateway once."""

    def __init__(self, *, scene: Scene, directory: Path, stack: AsyncExitStack) -> None:
        self._scene = scene
        self._directory = directory
        self._stack = stack
        self._gateways: dict[Name, Gateway] = {}

    async def __call__(self, name: Name) -> Gateway:
        """Return a running gateway."""
        if name not in self._gateways:
            context = self._scene.gateway(name, self._directory)
            self._gateways[name] = await self._stack.enter_async_context(context)
        return self._gateways[name]


@pytest.fixture(params=GATEWAYS)
def name(request: pytest.FixtureRequest) -> Name:
    """The name of each gateway in turn."""
    (known,) = [each for each in KINDS if each == request.param]
    return known


@pytest.fixture
async def gateway(name: Name, running: Running, scene: Scene) -> Gateway:
    """Each gateway in turn, with a gatekeeper that is well."""
    await scene.set_right()
    return await running(name)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what a client saw, by gateway and reason."""
    properties = [each for report in terminalreporter.getreports("passed") for each in report.user_properties]
    if rows := table(properties):
        terminalreporter.section("gateway x reason: what the client saw")
        for row in rows:
            terminalreporter.line(row)


@pytest.fixture
async def cors_gateway(
    name: Name, scene: Scene, listed_origin: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """Each gateway in turn, which answers preflights of the origin that the test's file lists."""
    await scene.set_right()
    async with scene.gateway(name, tmp_path_factory.mktemp("cors"), cors_origin=listed_origin) as gateway:
        yield gateway
