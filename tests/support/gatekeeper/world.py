"""A ledger, its topic and its read model, and gatekeeper processes that follow them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import aiohttp

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.kafka.partition_reader import PartitionReader
from keyfold.kafka.publisher import Publisher
from keyfold.local.process.child import Child, ProcessSpec
from keyfold.local.process.fork_server import ForkServer
from keyfold.local.process.ports import HOST, free_ports
from keyfold.local.signing import AUDIENCE, ISSUER, Claims, LocalSigner
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.store.ledger.append import Ledger
from keyfold.store.postgres.connection import open_pool
from keyfold.store.read_model.generations import NEXT, open_generations
from keyfold.store.read_model.writer import ReadModelWriter, Step
from keyfold.wire.access.codec import decode_access_event
from keyfold.wire.events.chain import understand
from keyfold.wire.events.record import lifecycle_record
from keyfold.wire.journal.line import read_journal_line
from keyfold.wire.record import Record
from keyfold.wire.topics import LIFECYCLE
from tests.support.eventually import eventually
from tests.support.gatekeeper.answered import Answered
from tests.support.seals import ledger_on, write_trusted
from tests.support.state_secret import STATE_SECRET, write_state_secret
from tests.support.store.events import draft

CADDY_TOKEN, NGINX_TOKEN = "caddy-token", "nginx-token"
GATEWAYS = [
    {"name": "caddy", "token_sha256": sha256(CADDY_TOKEN.encode()).hexdigest()},
    {"name": "nginx", "kind": "original", "token_sha256": sha256(NGINX_TOKEN.encode()).hexdigest()},
]
SILENCE_S = 0.5
ROUTE_MAP = "deploy/keyfold/routes/practice-api.routes"


@dataclass(slots=True)
class World:
    """Everything outside of a gatekeeper."""

    dsn: str
    kafka: KafkaAccess
    directory: Path
    ledger: Ledger
    publisher: Publisher
    fork_server: ForkServer
    _versions: dict[str, int] = field(default_factory=dict)

    async def record(self, *events: LifecycleEvent) -> int:
        """Append the events and publish them, as registry and relay do; return the last position."""
        position = await self.append(*events)
        await self.publish(position - len(events))
        return position

    async def append(self, *events: LifecycleEvent) -> int:
        """Append the events to the ledger alone; return the last position."""
        for each in map(draft, events):
            version = self._versions.get(each.stream, 0)
            await self.ledger.append([each], {each.stream: version}, SYSTEM_CLOCK.now())
            self._versions[each.stream] = version + 1
        return (await self.ledger.head()).position

    async def publish(self, after: int) -> None:
        """Publish the ledger's events after a position."""
        rows = await self.ledger.rows_after(after, 10_000)
        await self.publish_records(*(lifecycle_record(*link) for link in rows))

    async def publish_records(self, *records: Record) -> None:
        """Publish any records on the lifecycle topic."""
        await self.publisher.publish(LIFECYCLE.name, 0, records)

    async def project(self) -> None:
        """Make the read model of the ledger as it is, followed on from the end of the topic as it is."""
        async with PartitionReader(self.kafka, LIFECYCLE.name, offset=0) as reader:
            next_offset = await reader.end_offset()
        rows = await self.ledger.rows_after(0, 10_000)
        events = [understand(row, row_hash) for row, row_hash, _ in rows]
        step = Step(events=events, head=await self.ledger.head(), next_offset=next_offset)
        async with (
            open_pool(self.dsn, application_name="test") as pool,
            open_generations(self.dsn, STATE_SECRET) as generations,
        ):
            await generations.begin()
            await ReadModelWriter(pool, STATE_SECRET, schema=NEXT, remembers=True).save(step)
            await generations.swap()

    def _signer(self) -> LocalSigner:
        signer = LocalSigner(self.directory)
        signer.prepare()
        return signer

    def environment(self, **changed: str) -> Mapping[str, str]:
        """Return the settings of a gatekeeper."""
        gateways = self.directory / "gateways.json"
        gateways.write_text(json.dumps(GATEWAYS))
        port, authz_port = free_ports(2)
        settings = {
            "HTTP_PORT": str(port),
            "AUTHZ_PORT": str(authz_port),
            "POSTGRES_DSN": self.dsn,
            **self.kafka.settings(),
            "JWKS": str(self._signer().jwks_path),
            "JWT_ISSUER": ISSUER,
            "JWT_AUDIENCE": AUDIENCE,
            "SEAL_PUBLIC_KEYS": str(write_trusted(self.directory)),
            "ROUTE_MAP": ROUTE_MAP,
            "GATEWAYS": str(gateways),
            "STATE_SECRET": str(write_state_secret(self.directory)),
            "JOURNAL_DIR": str(self.directory / "journal"),
            "LOG_FORMAT": "json",
            **changed,
        }
        return {f"KEYFOLD_{name}": value for name, value in settings.items()}

    @asynccontextmanager
    async def gatekeeper(self, *, is_ready: bool = True, **settings: str) -> AsyncIterator[Gatekeeper]:
        """Run a gatekeeper; yield it once it is ready, or if it will not be, once it answers."""
        environment = self.environment(**settings)
        command = ProcessSpec(
            name="gatekeeper",
            argv=[sys.executable, "-m", "keyfold.gatekeeper"],
            env=environment,
            log_path=self.directory / "gatekeeper.log",
            fork_server=self.fork_server,
        )
        child = await Child.spawn(command)
        try:
            async with aiohttp.ClientSession() as session:
                gatekeeper = Gatekeeper(
                    child=child, session=session, environment=environment, signer=self._signer()
                )
                wanted = {200} if is_ready else {200, 503}
                await child.ready(lambda: gatekeeper.answers_ready(wanted), timeout_s=30)
                yield gatekeeper
        finally:
            await child.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gatekeeper:
    """A running gatekeeper."""

    child: Child
    session: aiohttp.ClientSession
    environment: Mapping[str, str]
    signer: LocalSigner

    def token(self, role: str) -> str:
        """Return a bearer token of a role."""
        return self.signer.sign(Claims(role=role, sub="test"), now=SYSTEM_CLOCK.now(), ttl_s=600)

    @property
    def url(self) -> str:
        """The address of its service port."""
        return f"http://{HOST}:{self.environment['KEYFOLD_HTTP_PORT']}"

    @property
    def authz_port(self) -> int:
        """The port where gateways ask."""
        return int(self.environment["KEYFOLD_AUTHZ_PORT"])

    async def answers_ready(self, wanted: set[int]) -> bool:
        """Tell whether readiness is answered with one of these statuses, and gateways get answers too."""
        try:
            async with self.session.get(f"{self.url}/readyz") as response:
                is_wanted = response.status in wanted
            await self.ask("GET", "/v1/patient", token="nobody's")
        except aiohttp.ClientError:
            return False
        return is_wanted

    async def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        token: str = CADDY_TOKEN,
        own_method: str = "GET",
        is_main_port: bool = False,
    ) -> Answered:
        """Ask as Caddy does: about the method and the path in its headers."""
        told = {"X-Forwarded-Method": method, "X-Forwarded-Uri": path, "X-Gateway-Token": token}
        port = self.environment["KEYFOLD_HTTP_PORT"] if is_main_port else self.authz_port
        async with self.session.request(
            own_method, f"http://{HOST}:{port}/authz", headers={**told, **(headers or {})}
        ) as response:
            return Answered(
                status=response.status, headers=dict(response.headers), body=await response.read()
            )

    async def raw(self, request: bytes, *, is_main_port: bool = False) -> bytes:
        """Send bytes, and return all that comes back until the connection is closed or silent."""
        port = int(self.environment["KEYFOLD_HTTP_PORT"]) if is_main_port else self.authz_port
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            writer.write(request)
            return await _until_silent(reader)
        finally:
            writer.close()

    async def get(self, path: str, token: str | None = None) -> tuple[int, dict[str, object]]:
        """Read one of the service's own addresses."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.session.get(self.url + path, headers=headers) as response:
            return response.status, await response.json()

    async def metrics(self) -> str:
        """Return what it measures."""
        async with self.session.get(f"{self.url}/metrics") as response:
            return await response.text()

    async def reaches(self, position: int) -> None:
        """Return when a position has been applied."""

        async def has_applied() -> bool:
            _, answer = await self.get("/v1/position", self.token("operator"))
            return answer["position"] == position

        await eventually(has_applied)

    def journal(self) -> list[AccessEvent]:
        """Return every complete record in the journal directory, by run and in order."""
        return journal_records(Path(self.environment["KEYFOLD_JOURNAL_DIR"]))

    async def ended(self) -> int:
        """Return the exit status when the process has ended."""
        async with asyncio.timeout(15):
            return await self.child.wait()

    def log(self) -> list[dict[str, object]]:
        """Return the process's log."""
        text = Path(self.environment["KEYFOLD_JOURNAL_DIR"]).with_name("gatekeeper.log").read_text()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


async def _until_silent(reader: asyncio.StreamReader) -> bytes:
    received = b""
    try:
        async with asyncio.timeout(SILENCE_S) as silence:
            while more := await reader.read(65536):
                received += more
                silence.reschedule(asyncio.get_running_loop().time() + SILENCE_S)
    except (TimeoutError, ConnectionResetError):
        pass
    return received


def journal_records(journal_dir: Path) -> list[AccessEvent]:
    """Return every complete access event in a journal directory, by run and in order."""
    records = [
        read_journal_line(line)
        for segment in sorted(journal_dir.glob("*/*.journal"))
        for line in segment.read_bytes().split(b"\n")[:-1]
    ]
    # A run's records of itself say their type.
    return [decode_access_event(record) for record in records if "type" not in json.loads(record)]


@asynccontextmanager
async def world_on(
    dsn: str, kafka: KafkaAccess, publisher: Publisher, directory: Path, fork_server: ForkServer
) -> AsyncIterator[World]:
    """Yield a world on a fresh database."""
    async with open_pool(dsn, application_name="test", size_max=4) as pool:
        yield World(dsn, kafka, directory, ledger_on(pool), publisher, fork_server)
