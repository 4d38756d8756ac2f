"""authorize: a gatekeeper's answer, journal on, against aiohttp answering the same and doing nothing else."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
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
from tests.bench.contest import CannotRun, Contest, Figure, Figures, Side
from tests.bench.ground import Ground, running
from tests.bench.practices import Practices, open_all, practices
from tests.bench.surroundings import cores
from tests.bench.wrk import load, require_wrk, script

REQUESTS = Figure(name="requests/s")
P99 = Figure(name="p99 ms", more_is_better=False)
# What else runs on the machine takes time from the server, and leaves this nearly as it is.
CPU = Figure(name="CPU µs/request", more_is_better=False)
FEW, MANY = 32, 256
PRACTICES = 256
DURATION_S = 2
READY_TIMEOUT_S = 30.0
# Every server writes these by itself.
SERVERS_OWN = frozenset({"date", "server", "content-length", "content-type", "connection"})
GATEKEEPER = next(spec for spec in SERVICES if spec.name == "gatekeeper")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a gateway asks, as headers, and how wrk does it."""

    token: str
    world: Practices
    script_path: Path

    def headers(self, number: int) -> Mapping[str, str]:
        """Return the headers of one request, as Caddy sends them."""
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
            "A-api-key": self.world.subscriber_keys[number].secret,
        }

    def write_script(self) -> None:
        """Write the script that asks for every practice in turn."""
        self.script_path.write_text(script([_request(self.headers(number)) for number in range(PRACTICES)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server process that is asked at an address."""

    url: str
    child: Child

    def cpu_s(self) -> float:
        """Return how long it has had a core to itself since it started."""
        times = psutil.Process(self.child.pid).cpu_times()
        return times.user + times.system


@asynccontextmanager
async def contests(ground: Ground) -> AsyncIterator[Sequence[Contest]]:
    """Yield few and many connections on the gateways' own port, and few on the service's port."""
    require_wrk()
    server_core, load_core = _cores()
    directory = ground.directory_of("gatekeeper")
    asking = Asking(
        token=_prepared(directory), world=practices(PRACTICES), script_path=directory / "requests.lua"
    )
    asking.write_script()
    port, own_port, bare_port = free_ports(3)
    async with AsyncExitStack() as stack:
        command = await _gatekeeper(ground, directory, asking.world, port, own_port)
        gatekeeper = await stack.enter_async_context(running(command, core=server_core))
        await gatekeeper.ready(lambda: answers_ready(port), timeout_s=READY_TIMEOUT_S)
        answer = directory / "answer.json"
        answer.write_bytes(orjson.dumps(await _answer(own_port, asking)))
        bare = await stack.enter_async_context(running(_bare(bare_port, answer), core=server_core))
        await bare.ready(lambda: listens(bare_port), timeout_s=READY_TIMEOUT_S)
        own, at_service, beside = (
            Server(url=f"http://{HOST}:{at}/authz", child=child)
            for at, child in ((own_port, gatekeeper), (port, gatekeeper), (bare_port, bare))
        )
        yield [
            _contest(f"authorize, {many} connections{where}", ours, beside, asking, (many, load_core))
            for where, ours, many in (
                ("", own, FEW),
                ("", own, MANY),
                (", service's port", at_service, FEW),
            )
        ]


def _contest(name: str, ours: Server, bare: Server, asking: Asking, how: tuple[int, int]) -> Contest:
    return Contest(
        name=name,
        figures=(REQUESTS, P99, CPU),
        ours=_side(f"a gatekeeper process, journal on, {PRACTICES} keys in turn", ours, asking, *how),
        bare=_side("aiohttp with a handler that answers the same headers", bare, asking, *how),
    )


def _side(what: str, server: Server, asking: Asking, connections: int, core: int) -> Side:
    async def go() -> Figures:
        before_s = server.cpu_s()
        done = await load(
            server.url, asking.script_path, connections=connections, duration_s=DURATION_S, core=core
        )
        spent_us = (server.cpu_s() - before_s) * 1e6
        return {
            REQUESTS.name: done.requests_per_s,
            P99.name: done.p99_ms,
            CPU.name: spent_us / done.requests,
        }

    return Side(what=what, go=go)


def _cores() -> tuple[int, int]:
    available = cores()
    if len(available) < 2:
        raise CannotRun("it needs two cores, one for the server and one for the load")
    return available[0], available[-1]


def _prepared(directory: Path) -> str:
    """Make what the gatekeeper reads, and return the gateway's token."""
    LocalSigner(directory).prepare()
    return StateDir(directory).gateway_token()


async def _gatekeeper(ground: Ground, directory: Path, world: Practices, port: int, own_port: int) -> Command:
    dsn, bootstrap = await ground.database(), await ground.kafka()
    await open_all(world, dsn, bootstrap)
    state = StateDir(directory)
    wiring = Wiring(
        postgres_dsns={GATEKEEPER.name: dsn},
        kafka_bootstrap=bootstrap,
        jwks=LocalSigner(directory).jwks_path,
        route_map=ROUTE_MAP,
        gateways=state.gateways,
        journal_dir=state.journal,
        log_dir=directory,
        idempotency_secret=state.idempotency_secret(),
    )
    command = service_command(GATEKEEPER, wiring, port)
    return replace(command, env={**command.env, "KEYFOLD_AUTHZ_PORT": str(own_port)})


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


def _request(headers: Mapping[str, str]) -> str:
    lines = (f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET /authz HTTP/1.1\r\n{''.join(lines)}\r\n"
