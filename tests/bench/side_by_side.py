"""A gatekeeper and bare aiohttp side by side on one core, asked the same."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson

from keyfold.local.process.child import Child, ProcessSpec
from keyfold.local.process.ports import free_ports, listens
from keyfold.local.service_specs import Wiring
from keyfold.local.stack import answers_ready
from tests.bench.ground import Ground, running
from tests.bench.sides.gatekeepers import Asking, authz_url, command_with, cpu_s, two_cores, wired
from tests.bench.sides.practices import Practices, open_all

READY_TIMEOUT_S = 30.0
# Every server writes these by itself.
SERVERS_OWN = frozenset({"date", "server", "content-length", "content-type", "connection"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server process that answers at a port."""

    port: int
    child: Child

    @property
    def url(self) -> str:
        """Its address."""
        return authz_url(self.port)

    def cpu_s(self) -> float:
        """Return its CPU seconds since it started."""
        return cpu_s(self.child.pid)


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
    server_core, load_core = two_cores()
    directory = ground.directory_of("gatekeeper")
    port, own_port, bare_port = free_ports(3)
    wiring, token = await wired(ground, directory, own_port)
    asking = Asking(token=token, world=world)
    await open_all(world, wiring.postgres_dsns["gatekeeper"], wiring.kafka_of["relay"])
    async with AsyncExitStack() as stack:
        command = command_with(wiring, port, settings)
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


@asynccontextmanager
async def bare_server(ground: Ground) -> AsyncIterator[str]:
    """Run bare aiohttp alone, with empty answers; yield its address."""
    (port,), (core, _) = free_ports(1), two_cores()
    headers = ground.directory_of("bare") / "answer.json"
    headers.write_bytes(b"{}")
    async with running(_bare(port, headers), core=core) as child:
        await child.ready(lambda: listens(port), timeout_s=READY_TIMEOUT_S)
        yield authz_url(port)


def _bare(port: int, headers: Path) -> ProcessSpec:
    arguments = [f"--port={port}", f"--headers={headers}"]
    return ProcessSpec(
        name="bare aiohttp",
        argv=[sys.executable, "-m", "tests.bench.sides.bare_aiohttp", *arguments],
        log_path=headers.with_name("bare.log"),
    )


async def _answer(port: int, asking: Asking) -> Mapping[str, str]:
    """Return the headers of an allow, which the bare server sends too."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(authz_url(port), headers=asking.headers(0), raise_for_status=True) as answer,
    ):
        return {str(name): value for name, value in answer.headers.items() if name.lower() not in SERVERS_OWN}
