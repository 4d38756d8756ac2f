"""The folding services as processes: what their readiness says when something that they need goes away."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from libs.store.migrations import migrate
from services.cli.local.kafka import LocalKafka
from services.cli.local.ports import HOST, free_ports
from services.cli.local.postgres import LocalPostgres
from services.cli.local.process import Child, Command
from tests.bed import kafka_in, postgres_in
from tests.eventually import eventually
from tests.unit.runtime.tokens import AUDIENCE, ISSUER, eddsa, jwks_file

# The check that speaks of Kafka, by service.
FOLDERS = {"audit": "access_log", "projection": "read_model"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """The services, by name with their addresses, and the servers that they alone use."""

    urls: dict[str, str]
    postgres: LocalPostgres
    kafka: LocalKafka

    async def say(self, checks: dict[str, str]) -> None:
        """Wait until every service's readiness is refused, each because its check says something."""

        async def refused() -> bool:
            answers = [await readiness(self.urls[name]) for name in checks]
            return all(
                status == 503 and check in reasons
                for (status, reasons), check in zip(answers, checks.values(), strict=True)
            )

        await eventually(refused)

    async def are_ready(self) -> None:
        """Wait until all are ready."""

        async def ready() -> bool:
            return all([await readiness(url) == (200, {}) for url in self.urls.values()])

        await eventually(ready)


async def readiness(url: str) -> tuple[int, dict[str, str]]:
    """Return a service's status and reasons, 0 while it does not listen."""
    try:
        async with aiohttp.request("GET", f"{url}/readyz") as answer:
            body = await answer.json(content_type=None)
            return answer.status, body.get("reasons", {})
    except aiohttp.ClientError:
        return 0, {}


@asynccontextmanager
async def folders_in(directory: Path) -> AsyncIterator[Folders]:
    """Run the services on servers of their own."""
    postgres, kafka, ports = postgres_in(directory), kafka_in(directory), free_ports(len(FOLDERS))
    await asyncio.gather(postgres.start(), kafka.start())
    await migrate(postgres.dsn)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(kafka.stop)
        stack.push_async_callback(postgres.stop)
        for name, port in zip(FOLDERS, ports, strict=True):
            child = await Child.spawn(command(name, port, directory, postgres, kafka))
            stack.push_async_callback(child.stop)
        urls = {name: f"http://{HOST}:{port}" for name, port in zip(FOLDERS, ports, strict=True)}
        yield Folders(urls=urls, postgres=postgres, kafka=kafka)


def command(name: str, port: int, directory: Path, postgres: LocalPostgres, kafka: LocalKafka) -> Command:
    """Return how a service is started."""
    settings = {
        "POSTGRES_DSN": postgres.dsn,
        "KAFKA_BOOTSTRAP": kafka.bootstrap,
        "HTTP_PORT": str(port),
        "JWKS": str(jwks_file(directory, eddsa())),
        "JWT_ISSUER": ISSUER,
        "JWT_AUDIENCE": AUDIENCE,
    }
    return Command(
        name=name,
        argv=[sys.executable, "-m", f"services.{name}"],
        env={f"KEYFOLD_{key}": value for key, value in settings.items()},
        log_path=directory / f"{name}.log",
    )


async def test_readiness_names_what_is_away(tmp_path: Path) -> None:
    """Once caught up, both are unready while PostgreSQL or Kafka is away, say which, and recover."""
    async with folders_in(tmp_path) as folders:
        await folders.are_ready()
        await folders.postgres.kill()
        await folders.say(dict.fromkeys(FOLDERS, "database"))
        await folders.postgres.start()
        await folders.are_ready()
        await folders.kafka.kill()
        await folders.say(FOLDERS)
        await folders.kafka.start()
        await folders.are_ready()
