"""The servers that contests use: real ones, configured as in production, started when first needed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from keyfold.kafka.topics import ensure_topics
from keyfold.local.process.child import Child, ProcessSpec
from keyfold.local.servers.kafka import LocalKafka
from keyfold.local.servers.kafka_aot import Purpose
from keyfold.local.servers.postgres import LocalPostgres
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.store.postgres.migrations import migrate
from keyfold.wire.topics import ALL
from tests.bench.surroundings import on_core
from tests.support.database import address, execute


class Ground:
    """The servers of a run, which are stopped with their directory when it ends."""

    def __init__(self, directory: Path, resources: AsyncExitStack) -> None:
        self.directory = directory
        self._resources = resources
        self._numbers = count(1)
        self._postgres: LocalPostgres | None = None
        self._kafka: LocalKafka | None = None

    async def database(self) -> str:
        """Return the address of a new database with our schema. The server waits for its disk at a commit."""
        if self._postgres is None:
            self._postgres = LocalPostgres(self.directory / "postgres", self.directory / "postgres.log")
            self._resources.push_async_callback(self._postgres.stop)
            await self._postgres.start()
        name = f"bench_{next(self._numbers)}"
        await execute(self._postgres.dsn, f"create database {name}")
        dsn = address(self._postgres.dsn, name)
        await migrate(dsn)
        return dsn

    async def kafka(self) -> KafkaAccess:
        """Return how to reach a broker with our topics."""
        if self._kafka is None:
            directory, log = self.directory / "kafka", self.directory / "kafka.log"
            self._kafka = LocalKafka(directory, log, purpose=Purpose.BENCHMARK)
            self._resources.push_async_callback(self._kafka.stop)
            await self._kafka.start()
            await ensure_topics(self._kafka.access, ALL)
        return self._kafka.access

    def directory_of(self, name: str) -> Path:
        """Return a new directory."""
        path = self.directory / f"{name}-{next(self._numbers)}"
        path.mkdir()
        return path


@asynccontextmanager
async def open_ground() -> AsyncIterator[Ground]:
    """Yield the servers for one run."""
    with TemporaryDirectory(prefix="keyfold-bench-") as directory:
        async with AsyncExitStack() as resources:
            yield Ground(Path(directory), resources)


@asynccontextmanager
async def running(command: ProcessSpec, *, core: int) -> AsyncIterator[Child]:
    """Run a process on one core during the block; it never outlives the block, or us."""
    with on_core(core):
        child = await Child.spawn(command)
    try:
        yield child
    finally:
        await child.stop()
