"""All of our processes with their own PostgreSQL and Kafka, each of which a test may kill."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from keyfold.client.endpoints import Endpoints
from keyfold.kafka.topics import ensure_topics
from keyfold.local.logins import DatabaseLogins
from keyfold.local.process.child import Child, ProcessSpec
from keyfold.local.process.fork_server import ForkServer
from keyfold.local.process.ports import HOST, free_ports, listens
from keyfold.local.servers.postgres import LocalPostgres
from keyfold.local.service_specs import SERVICES, Wiring, service_command
from keyfold.local.signing import LocalSigner
from keyfold.local.signing_keys import prepare_keys
from keyfold.local.stack import ROUTE_MAP, answers_ready
from keyfold.local.state import StateDir
from keyfold.store.postgres.migrations import migrate
from keyfold.wire.topics import ALL
from tests.support.chaos.faults.proxied_kafka import ProxiedKafka
from tests.support.chaos.supervised import Supervised
from tests.support.state_secret import write_state_secret

SPECS = {spec.name: spec for spec in SERVICES}
# What everything stands on, and who says so when it is away.
MISSED_BY = {"postgres": ("registry",), "kafka": ("shipper", "relay")}
STORAGE = tuple(MISSED_BY)
VICTIMS = (*SPECS, *STORAGE)
# Each request is an event of its own, so that what clients were answered can be held against the rows.
EVERYWHERE = {"KEYFOLD_LOG_FORMAT": "json", "KEYFOLD_FLOOD_PER_S": "1000000"}


@dataclass(slots=True, kw_only=True)
class ChaosStack:
    """The processes on fixed ports, so that each is found again at the same place."""

    state: StateDir
    postgres: LocalPostgres
    logins: DatabaseLogins
    kafka: ProxiedKafka
    token: str
    ports: dict[str, int]
    authz_port: int
    fork_server: ForkServer
    processes: dict[str, Supervised] = field(default_factory=dict)

    @classmethod
    def in_directory(cls, directory: Path, fork_server: ForkServer) -> ChaosStack:
        """Return a stack, not started, whose state is in the directory."""
        state = StateDir(directory)
        state.logs.mkdir(parents=True)
        state.journal.mkdir()
        LocalSigner(directory).prepare()
        authz_port, postgres_port, *ports = free_ports(2 + len(SPECS))
        # Durable: what a test proves about a PostgreSQL that was killed must not rest on luck.
        postgres = LocalPostgres(directory / "postgres", state.logs / "postgres.log", port=postgres_port)
        return cls(
            state=state,
            postgres=postgres,
            logins=DatabaseLogins(directory, SERVICES),
            kafka=ProxiedKafka(directory / "kafka", directory / "kafka.log"),
            token=state.gateway_token(),
            ports=dict(zip(SPECS, ports, strict=True)),
            authz_port=authz_port,
            fork_server=fork_server,
        )

    @property
    def endpoints(self) -> Endpoints:
        """Where the services are."""
        urls = {name: f"http://{HOST}:{port}" for name, port in self.ports.items()}
        return Endpoints(urls=urls, state_dir=self.state.path, postgres_dsn=self.postgres.dsn)

    @property
    def starts(self) -> dict[str, int]:
        """How often each process was started."""
        return {name: each.starts for name, each in self.processes.items()}

    async def start(self) -> None:
        """Start everything; return when everything is ready."""
        for name in STORAGE:
            self._keep(name)
        await asyncio.gather(*(self.processes[name].ready() for name in STORAGE))
        await migrate(self.postgres.dsn)
        await self.logins.prepare(self.postgres)
        await ensure_topics(self.kafka.access, ALL)
        for name in SPECS:
            self._keep(name)
        await self.ready()

    async def ready(self) -> None:
        """Return when everything is ready."""
        await asyncio.gather(*(each.ready() for each in self.processes.values()))

    async def kill(self, name: str) -> None:
        """Kill one process with SIGKILL; return when it is back and everything is ready.

        Storage stays away until it is missed, so that no client can bridge the time by trying again once.
        """
        if name in MISSED_BY:
            async with self.processes[name].down():
                for each in MISSED_BY[name]:
                    await self.processes[each].unready()
        else:
            await self.processes[name].kill()
        await self.ready()

    def another_gatekeeper(self, **settings: str) -> tuple[Supervised, int]:
        """Return one more gatekeeper, not started, and the port where it may be asked."""
        port, authz_port = free_ports(2)
        command = self.command("gatekeeper", port, AUTHZ_PORT=str(authz_port), **settings)
        command = replace(command, log_path=self.state.logs / f"gatekeeper-{authz_port}.log")
        gatekeeper = Supervised(
            name=f"gatekeeper at {authz_port}",
            launch=partial(Child.spawn, command),
            is_ready=partial(answers_ready, port),
        )
        return gatekeeper, authz_port

    @asynccontextmanager
    async def without(self, name: str) -> AsyncIterator[None]:
        """Keep a process away during the block."""
        await self.processes[name].stop()
        try:
            yield
        finally:
            self.processes[name].keep()
            await self.ready()

    async def stop(self) -> None:
        """Stop everything, the servers that others need last."""
        storage = [each for name, each in self.processes.items() if name in STORAGE]
        services = [each for name, each in self.processes.items() if name not in STORAGE]
        await asyncio.gather(*(each.stop() for each in services))
        await asyncio.gather(*(each.stop() for each in storage))
        await asyncio.gather(self.postgres.kill(), self.kafka.kill())

    def command(self, name: str, port: int, **settings: str) -> ProcessSpec:
        """Return the command of a service of this stack, with some settings changed."""
        command = service_command(SPECS[name], self._wiring(), port)
        changed = {f"KEYFOLD_{setting}": value for setting, value in settings.items()}
        return replace(command, env={**command.env, **EVERYWHERE, **changed})

    def _keep(self, name: str) -> None:
        process = self._supervised(name)
        self.processes[name] = process
        process.keep()

    def _supervised(self, name: str) -> Supervised:
        match name:
            case "postgres":
                launch, is_ready = self._start_postgres, partial(listens, self.postgres.port)
            case "kafka":
                launch, is_ready = self._start_kafka, partial(listens, self.kafka.port)
            case _:
                port = self.ports[name]
                own = {"AUTHZ_PORT": str(self.authz_port)} if name == "gatekeeper" else {}
                launch, is_ready = (
                    partial(Child.spawn, self.command(name, port, **own)),
                    partial(answers_ready, port),
                )
        return Supervised(name=name, launch=launch, is_ready=is_ready)

    async def _start_postgres(self) -> Child:
        await self.postgres.start()
        return self.postgres.child

    async def _start_kafka(self) -> Child:
        await self.kafka.start()
        return self.kafka.child

    def _wiring(self) -> Wiring:
        return Wiring(
            postgres_dsns=self.logins.dsns(self.postgres),
            kafka_of=self.kafka.accesses(),
            jwks=LocalSigner(self.state.path).jwks_path,
            route_map=ROUTE_MAP,
            gateways=self.state.gateways,
            journal_dir=self.state.journal,
            log_dir=self.state.logs,
            state_secret=write_state_secret(self.state.path),
            audit_secret=self.state.audit_secret(),
            idempotency_secret=self.state.idempotency_secret(),
            keys_dir=prepare_keys(self.state.path),
            fork_server=self.fork_server,
        )
