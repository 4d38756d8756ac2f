"""The services as processes: what their readiness says when something that they need cannot be used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from keyfold.kafka.access import client_options
from keyfold.kafka.topics import ensure_topics
from keyfold.local.logins import DatabaseLogins
from keyfold.local.process.child import Child
from keyfold.local.process.fork_server import ForkServer
from keyfold.local.process.ports import HOST, free_ports
from keyfold.local.servers.kafka import LocalKafka
from keyfold.local.servers.postgres import LocalPostgres
from keyfold.local.service_specs import SERVICES, Wiring, service_command
from keyfold.local.signing_keys import prepare_keys
from keyfold.local.stack import ROUTE_MAP
from keyfold.local.state import StateDir
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.store.postgres.migrations import migrate
from keyfold.wire.topics import ALL, LIFECYCLE
from tests.support.bed import kafka_in, postgres_in
from tests.support.database import execute
from tests.support.eventually import eventually
from tests.support.runtime.tokens import eddsa, jwks_file

LOGGED_IN = ("registry", "relay", "projection", "audit")
# By service the check that speaks of a PostgreSQL which takes no writes, and of a Kafka that is away.
WRITERS = dict.fromkeys(LOGGED_IN, "database") | {"gatekeeper": "lease"}
FOLLOWERS = {"audit": "access_log", "projection": "read_model"}
RELOAD = "select pg_reload_conf()"
COMPACTED = {**LIFECYCLE.config, "cleanup.policy": "compact"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The services' addresses by their names, and the servers that they alone use."""

    urls: dict[str, str]
    postgres: LocalPostgres
    kafka: LocalKafka

    async def say(self, checks: dict[str, str], *words: str) -> None:
        """Wait until every service's readiness is refused, each because its check says one of the words."""

        async def refused() -> bool:
            answers = [await readiness(self.urls[name]) for name in checks]
            return all(
                status == 503
                and any(word in reasons.get(check, "") for word in words or ("",))
                and check in reasons
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
async def services_in(directory: Path, fork_server: ForkServer) -> AsyncIterator[Running]:
    """Run all services on servers of their own, each with its own login, and an empty ledger."""
    postgres, kafka, state = postgres_in(directory), kafka_in(directory), StateDir(directory / "state")
    await asyncio.gather(postgres.start(), kafka.start())
    await asyncio.gather(migrate(postgres.dsn), ensure_topics(kafka.access, ALL))
    ports = free_ports(len(SERVICES))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(kafka.stop)
        stack.push_async_callback(postgres.stop)
        stack.enter_context(state.hold())
        wiring = replace(await wired(directory, state, postgres, kafka), fork_server=fork_server)
        for spec, port in zip(SERVICES, ports, strict=True):
            child = await Child.spawn(service_command(spec, wiring, port))
            stack.push_async_callback(child.stop)
        urls = {spec.name: f"http://{HOST}:{port}" for spec, port in zip(SERVICES, ports, strict=True)}
        yield Running(urls=urls, postgres=postgres, kafka=kafka)


async def wired(directory: Path, state: StateDir, postgres: LocalPostgres, kafka: LocalKafka) -> Wiring:
    """Return what the services are told."""
    logins = DatabaseLogins(state.path, SERVICES)
    await logins.prepare(postgres)
    state.gateway_token()
    return Wiring(
        postgres_dsns=logins.dsns(postgres),
        kafka_of=kafka.accesses(),
        jwks=jwks_file(directory, eddsa()),
        route_map=ROUTE_MAP,
        gateways=state.gateways,
        journal_dir=state.journal,
        log_dir=directory,
        state_secret=state.state_secret(),
        audit_secret=state.audit_secret(),
        idempotency_secret="x" * 32,
        keys_dir=prepare_keys(directory),
    )


async def configure(kafka: KafkaAccess, topic: str, config: Mapping[str, str]) -> None:
    """Give a topic another configuration, all of it, as an operator may."""
    admin = AIOKafkaAdminClient(**client_options(kafka))
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=dict(config))])
    finally:
        await admin.close()


async def test_ready_is_able(tmp_path: Path, fork_server: ForkServer) -> None:
    """A service that could not do its work is unready, says why, and is ready again by itself once that is
    mended: PostgreSQL read-only, away or a standby, Kafka away, a topic that loses events.
    """
    async with services_in(tmp_path, fork_server) as services:
        postgres, kafka = services.postgres, services.kafka
        await services.are_ready()

        await execute(postgres.dsn, "alter system set default_transaction_read_only = on", RELOAD)
        await services.say(WRITERS, "read-only", "takes no writes")
        await execute(postgres.dsn, "alter system reset default_transaction_read_only", RELOAD)
        await services.are_ready()

        await postgres.kill()
        await services.say(dict.fromkeys(LOGGED_IN, "database"))
        (tmp_path / "postgres" / "data" / "standby.signal").touch()
        await postgres.start()
        await services.say(WRITERS, "read-only", "takes no writes", "recovery")
        await execute(postgres.dsn, "select pg_promote()")
        await services.are_ready()

        await configure(kafka.access, LIFECYCLE.name, COMPACTED)
        await services.say(dict.fromkeys(("relay", "projection"), "topics"), "cleanup.policy is compact")
        await kafka.kill()
        await services.say(FOLLOWERS | {"relay": "topics", "shipper": "topics"}, "away", "Kafka")
        await kafka.start()
        await configure(kafka.access, LIFECYCLE.name, LIFECYCLE.config)
        await services.are_ready()
