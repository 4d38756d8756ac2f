"""The local stack: in which order its parts start, and how they are wired."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from keyfold.client.endpoints import Endpoints
from keyfold.kafka.topics import ensure_topics
from keyfold.local.logins import DatabaseLogins
from keyfold.local.people import LocalPeopleFile
from keyfold.local.process.child import Child, ProcessSpec
from keyfold.local.process.fork_server import ForkServer
from keyfold.local.process.ports import HOST, listens
from keyfold.local.process.progress import StartupProgress
from keyfold.local.process.supervisor import Probe, Supervisor
from keyfold.local.servers.cache import cache_dir
from keyfold.local.servers.caddy import CADDYFILE, CaddySpec, start_caddy
from keyfold.local.servers.kafka import LocalKafka
from keyfold.local.servers.kafka_jars import are_fetched, find_fault
from keyfold.local.servers.postgres import LocalPostgres
from keyfold.local.service_specs import MODULES, SERVICE_SPECS, ServiceSpec, Wiring, service_command
from keyfold.local.signing import LocalSigner
from keyfold.local.signing_keys import CHECKPOINTS_NAME, prepare_keys
from keyfold.local.stack_ports import StackPorts
from keyfold.local.state import StateDir
from keyfold.store.postgres.migrations import migrate
from keyfold.wire.topics import ALL

_BESIDE = Path(__file__).resolve().parents[1]
GATEWAYS = _BESIDE / "gateways"
ROUTE_MAP = _BESIDE / "routes" / "practice-api.routes"
READY_TIMEOUT_S = 60.0
PROBE_TIMEOUT_S = 2.0
STORAGE_RANK, API_RANK, GATEWAY_RANK = 0, 3, 4


@dataclass(slots=True, kw_only=True)
class Stack:
    """A stack that starts, runs or stops."""

    state: StateDir
    progress: StartupProgress
    supervisor: Supervisor
    ports: StackPorts
    services: Sequence[ServiceSpec] = SERVICE_SPECS
    postgres: LocalPostgres = field(init=False)
    logins: DatabaseLogins = field(init=False)
    kafka: LocalKafka = field(init=False)
    fork_server: ForkServer | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.postgres = LocalPostgres(
            self.state.path / "postgres", self.state.logs / "postgres.log", port=self.ports["postgres"]
        )
        self.logins = DatabaseLogins(self.state.path, self.services)
        self.kafka = LocalKafka(
            self.state.path / "kafka",
            self.state.logs / "kafka.log",
            port=self.ports["kafka"],
            controller_port=self.ports["kafka-controller"],
        )
        if self.services and sys.platform == "linux":
            self.fork_server = ForkServer(self.state.logs / "fork-server.log", MODULES)

    async def start(self) -> None:
        """Start everything; return when everything is ready. Raises CannotRunHere or ChildFailed."""
        cache_dir()  # raises before anything runs
        self.postgres.prepare()
        token = self.state.gateway_token()
        LocalSigner(self.state.path).prepare()
        LocalPeopleFile(self.state.path).prepare()
        prepare_keys(self.state.path)
        async with asyncio.TaskGroup() as tasks:
            if self.fork_server is not None:
                tasks.create_task(self.fork_server.warm_up())
            tasks.create_task(self._start_postgres())
            tasks.create_task(self._start_kafka())
        async with asyncio.TaskGroup() as tasks:
            for spec in self.services:
                tasks.create_task(self._start_service(spec))
            tasks.create_task(self._start_sample_api())
        await self._start_gateway(token)

    def endpoints(self) -> Endpoints:
        """Return where the services are."""
        names = [*(spec.name for spec in self.services), "gateway"]
        urls = {name: self._url(name) for name in names}
        return Endpoints(
            urls=urls,
            state_dir=self.state.path,
            postgres_dsn=self.postgres.dsn,
            service_dsns=self.logins.dsns(self.postgres),
        )

    def record(self) -> dict[str, object]:
        """Return the content of `stack.json`."""
        endpoints = self.endpoints()
        return {
            **endpoints.urls,
            "authz": self._url("authz"),
            "kafka": self.kafka.access.bootstrap,
            "kafka_security": {
                "protocol": self.kafka.access.protocol,
                "mechanism": self.kafka.access.mechanism,
                "passwords": {user: str(path) for user, path in self.kafka.users.files().items()},
            },
            "postgres": self.postgres.dsn,
            "postgres_of": endpoints.service_dsns,
            "gateway_token": self.state.gateway_token(),
            "pids": self.supervisor.pids,
            **({"postgres_files": str(elsewhere)} if (elsewhere := self.postgres.files_elsewhere) else {}),
        }

    def _url(self, name: str) -> str:
        return f"http://{HOST}:{self.ports[name]}"

    async def stop(self) -> None:
        """Stop everything that runs."""
        await self.supervisor.stop()
        if self.fork_server is not None:
            await self.fork_server.close()
        self.postgres.release()

    async def _start_postgres(self) -> None:
        with self.progress.step("PostgreSQL 18"):
            await self.postgres.start()
            self.supervisor.adopt(self.postgres.child, rank=STORAGE_RANK, answers=self.postgres.answers)
        with self.progress.step("database schema"):
            await migrate(self.postgres.dsn)
            await self.logins.prepare(self.postgres)

    async def _start_kafka(self) -> None:
        if not are_fetched():
            self.progress.note(
                "fetching Kafka from Maven Central, once: 43 MB, and 69 MB for quick starts, "
                f"stay in {cache_dir()} for all your stacks (make distclean removes them)"
            )
        elif fault := await asyncio.to_thread(find_fault):
            self.progress.warn(f"{fault}. It is fetched again from Maven Central")
        with self.progress.step("Apache Kafka 4.4"):
            await self.kafka.start()
            self.supervisor.adopt(self.kafka.child, rank=STORAGE_RANK, answers=self.kafka.answers)
        with self.progress.step("topics"):
            await ensure_topics(self.kafka.access, ALL)

    async def _start_service(self, spec: ServiceSpec) -> None:
        port = self.ports[spec.name]
        with self.progress.step(spec.name):
            command = service_command(spec, self._wiring(), port)
            await self._start_child(command, lambda: answers_ready(port), rank=spec.rank)

    async def _start_sample_api(self) -> None:
        port = self.ports["sample-api"]
        command = ProcessSpec(
            name="sample-api",
            argv=[sys.executable, "-m", "keyfold.local.sample.api", f"--port={port}"],
            log_path=self.state.logs / "sample-api.log",
            stop_timeout_s=2.0,
            ports=(port,),
            fork_server=self.fork_server,
        )
        with self.progress.step("sample practice API"):
            await self._start_child(command, lambda: listens(port), rank=API_RANK)

    async def _start_gateway(self, token: str) -> None:
        port = self.ports["gateway"]
        gateway = CaddySpec(
            port=port,
            authz=f"{HOST}:{self.ports['authz']}",
            upstream=f"{HOST}:{self.ports['sample-api']}",
            token=token,
        )
        with self.progress.step("Caddy, the gateway"):
            caddy = await start_caddy(
                gateway,
                caddyfile=GATEWAYS / CADDYFILE,
                state_dir=self.state.path,
                log_path=self.state.logs / "gateway.log",
            )
            self.supervisor.adopt(caddy, rank=GATEWAY_RANK, answers=lambda: listens(port))

    async def _start_child(self, command: ProcessSpec, answers: Probe, *, rank: int) -> None:
        child = await Child.start(command, answers, timeout_s=READY_TIMEOUT_S)
        self.supervisor.adopt(child, rank=rank, answers=answers)

    def _wiring(self) -> Wiring:
        return Wiring(
            postgres_dsns=self.logins.dsns(self.postgres),
            kafka_of=self.kafka.accesses(),
            jwks=LocalSigner(self.state.path).jwks_path,
            route_map=ROUTE_MAP,
            gateways=self.state.gateways,
            journal_dir=self.state.journal,
            log_dir=self.state.logs,
            state_secret=self.state.state_secret(),
            audit_secret=self.state.audit_secret(),
            idempotency_secret=self.state.idempotency_secret(),
            keys_dir=self.state.path,
            checkpoint_file=self.state.path / CHECKPOINTS_NAME,
            session_secret=self.state.session_secret(),
            local_people=LocalPeopleFile(self.state.path).path,
            urls=self.endpoints().urls,
            authz_port=self.ports["authz"],
            fork_server=self.fork_server,
        )


async def answers_ready(port: int) -> bool:
    """Tell whether a service says that it is ready."""
    timeout = aiohttp.ClientTimeout(total=PROBE_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://{HOST}:{port}/readyz") as answer,
        ):
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False
