"""A gatekeeper and bare aiohttp side by side on one core, and how a gateway asks both of them."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import orjson
import psutil

from services.cli.local.ports import HOST, free_ports, listens
from services.cli.local.process import Child, Command
from services.cli.local.roster import SERVICES, Wiring, service_command
from services.cli.local.signing import LocalSigner
from services.cli.local.stack import ROUTE_MAP, answers_ready
from services.cli.local.state import StateDir
from tests.bench.contest import CannotRun
from tests.bench.ground import Ground, running
from tests.bench.practices import Practices, open_all
from tests.bench.surroundings import cores

READY_TIMEOUT_S = 30.0
# Every server writes these by itself.
SERVERS_OWN = frozenset({"date", "server", "content-length", "content-type", "connection"})
SPECS = {spec.name: spec for spec in SERVICES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a gateway asks, as headers."""

    token: str
    world: Practices

    def headers(self, number: int, secret: str | None = None) -> Mapping[str, str]:
        """Return the headers of one request, as Caddy sends them; with another key than the practice's own
        if its secret is given.
        """
        return {
            "Host": "practice.example",
            "User-Agent": "Reminders/2.1",
            "Accept": "application/json",
            "X-Forwarded-For": f"203.0.113.{number % 250}",
            "X-Forwarded-Host": "practice.example",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Method": "GET",
            "X-Forwarded-Uri": f"/v1/patient/{number}?fields=name",
            "X-Gateway-Token": self.token,
            "x-api-key": self.world.vendor_key.secret,
            "A-api-key": secret or self.world.subscriber_keys[number].secret,
        }

    def request(self, number: int, secret: str | None = None) -> str:
        """Return the same request as it goes over the wire."""
        lines = (f"{name}: {value}\r\n" for name, value in self.headers(number, secret).items())
        return f"GET /authz HTTP/1.1\r\n{''.join(lines)}\r\n"

    def in_turn(self) -> list[str]:
        """Return a request for every practice."""
        return [self.request(number) for number in range(len(self.world.subscriber_keys))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server process that is asked at a port."""

    port: int
    child: Child

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://{HOST}:{self.port}/authz"

    def cpu_s(self) -> float:
        """Return how long it has had a core to itself since it started."""
        times = psutil.Process(self.child.pid).cpu_times()
        return times.user + times.system


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """The gatekeeper on the gateways' own port and on its service's port, the bare server, and their core's
    opposite, from where they are asked.
    """

    own: Server
    at_service: Server
    bare: Server
    asking: Asking
    wiring: Wiring
    directory: Path
    load_core: int


@asynccontextmanager
async def open_side_by_side(ground: Ground, world: Practices, **settings: str) -> AsyncIterator[SideBySide]:
    """Yield both, ready, for these practices, the gatekeeper with some settings of its own."""
    server_core, load_core = _cores()
    directory = ground.directory_of("gatekeeper")
    asking = Asking(token=_prepared(directory), world=world)
    port, own_port, bare_port = free_ports(3)
    wiring = await _wiring(ground, directory, own_port)
    await open_all(world, wiring.postgres_dsns["gatekeeper"], wiring.kafka_bootstrap)
    async with AsyncExitStack() as stack:
        command = _with(service_command(SPECS["gatekeeper"], wiring, port), settings)
        gatekeeper = await stack.enter_async_context(running(command, core=server_core))
        await gatekeeper.ready(lambda: answers_ready(port), timeout_s=READY_TIMEOUT_S)
        answer = directory / "answer.json"
        answer.write_bytes(orjson.dumps(await _answer(own_port, asking)))
        bare = await stack.enter_async_context(running(_bare(bare_port, answer), core=server_core))
        await bare.ready(lambda: listens(bare_port), timeout_s=READY_TIMEOUT_S)
        yield SideBySide(
            own=Server(port=own_port, child=gatekeeper),
            at_service=Server(port=port, child=gatekeeper),
            bare=Server(port=bare_port, child=bare),
            asking=asking,
            wiring=wiring,
            directory=directory,
            load_core=load_core,
        )


def _cores() -> tuple[int, int]:
    available = cores()
    if len(available) < 2:
        raise CannotRun("it needs two cores, one for the server and one for the load")
    return available[0], available[-1]


def _prepared(directory: Path) -> str:
    """Make what the gatekeeper reads, and return the gateway's token."""
    LocalSigner(directory).prepare()
    return StateDir(directory).gateway_token()


async def _wiring(ground: Ground, directory: Path, own_port: int) -> Wiring:
    state = StateDir(directory)
    return Wiring(
        postgres_dsns=dict.fromkeys(SPECS, await ground.database()),
        kafka_bootstrap=await ground.kafka(),
        jwks=LocalSigner(directory).jwks_path,
        route_map=ROUTE_MAP,
        gateways=state.gateways,
        journal_dir=state.journal,
        log_dir=directory,
        idempotency_secret=state.idempotency_secret(),
        authz_port=own_port,
    )


def _with(command: Command, settings: Mapping[str, str]) -> Command:
    changed = {f"KEYFOLD_{name}": value for name, value in settings.items()}
    return replace(command, env={**command.env, **changed})


def _bare(port: int, headers: Path) -> Command:
    arguments = [f"--port={port}", f"--headers={headers}"]
    return Command(
        name="bare aiohttp",
        argv=[sys.executable, "-m", "tests.bench.bare_aiohttp", *arguments],
        log_path=headers.with_name("bare.log"),
    )


async def _answer(port: int, asking: Asking) -> Mapping[str, str]:
    """Return the headers of an allow, as the bare server will send them too."""
    url = f"http://{HOST}:{port}/authz"
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers=asking.headers(0), raise_for_status=True) as answer,
    ):
        return {str(name): value for name, value in answer.headers.items() if name.lower() not in SERVERS_OWN}
