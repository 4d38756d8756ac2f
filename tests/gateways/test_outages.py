"""Gatekeepers that are down, slow or replaced: closed, and no error that another would have avoided."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.support.debian import find_program
from tests.support.gatekeeper.practice import BOTH
from tests.support.gateways.matrix import Seen, cell, restarts
from tests.support.gateways.running import KINDS, Gateway, Name
from tests.support.gateways.scene import Scene, two_gatekeepers
from tests.support.gateways.switchboard import HANGS
from tests.support.gateways.upstream import read_echo
from tests.support.gateways.wire import Connection, Response, connected, head, send

KEYS = list(BOTH.items())
PATH = "/v1/patient/7"
SOON_S = 1.4
"""Caddy tries for 1.5 s where it is not told how often, and all others know at once."""
SLOW_S, BOUND_S = 0.9, 6.0
"""A gateway waits a second for an answer, each time that it asks, which it does up to three times."""
ASKS = 12
BODY = b"a body"
PACE_S = 0.005
"""A load that leaves the machine room to start a gatekeeper in."""


async def time_question(gateway: Gateway) -> tuple[Response, float]:
    """Ask for what may pass; return the response, and how long that took in seconds."""
    began_s = SYSTEM_CLOCK.monotonic_s()
    response = await send(gateway.port, "GET", PATH, KEYS)
    return response, SYSTEM_CLOCK.monotonic_s() - began_s


async def test_down(scene: Scene, gateway: Gateway, record_property: Callable[[str, object], None]) -> None:
    """Where no gatekeeper is up, nothing passes, and that is said soon."""
    scene.switchboard.disconnect()
    before = len(scene.upstream.got)
    response, took_s = await time_question(gateway)
    record_property(*cell(gateway.name, "(gatekeepers down)", response))
    assert took_s < SOON_S
    assert_closed(scene, gateway, response, before)


async def test_slow(scene: Scene, gateway: Gateway, record_property: Callable[[str, object], None]) -> None:
    """Where no gatekeeper answers, nothing passes, and the gateway gives up after a second or two."""
    await scene.switchboard.connect(HANGS)
    before = len(scene.upstream.got)
    response, took_s = await time_question(gateway)
    record_property(*cell(gateway.name, "(gatekeepers slow)", response))
    assert SLOW_S < took_s < BOUND_S
    assert_closed(scene, gateway, response, before)


def assert_closed(scene: Scene, gateway: Gateway, response: Response, before: int) -> None:
    """Check that nothing passed, and that the client is told to come back, by those gateways that can."""
    assert len(scene.upstream.got) == before
    if gateway.name == "caddy":
        assert response.status in {502, 503, 504}
        return
    assert (response.status, response.values("Retry-After")) == (503, ["1"])
    assert response.problem is not None
    assert response.problem["reason"] == "gatekeeper_unavailable"


async def test_recovers(scene: Scene, gateway: Gateway) -> None:
    """Requests pass again as soon as a gatekeeper is back."""
    scene.switchboard.disconnect()
    assert (await time_question(gateway))[0].status != 200
    await scene.set_right()
    assert (await time_question(gateway))[0].status == 200


@pytest.mark.parametrize("condition", ["down", "slow", "stale", "full"])
async def test_one_of_two(scene: Scene, gateway: Gateway, condition: str) -> None:
    """While one gatekeeper gives no decision another does, on the request as it is, and its body arrives."""
    well = scene.gatekeepers.well.authz_port
    match condition:
        case "down":
            await scene.switchboard.connect(well)
            scene.switchboard.lines[0].disconnect()
        case "slow":
            await scene.switchboard.connect(HANGS, well)
        case "stale":
            await scene.switchboard.connect(scene.gatekeepers.stale.authz_port, well)
        case _:
            await scene.switchboard.connect(scene.gatekeepers.full.authz_port, well)
    answers = await asyncio.gather(*(post_body(gateway) for _ in range(ASKS)))
    assert Counter(response.status for response in answers) == {200: ASKS}
    for got in map(read_echo, answers):
        assert (got.method, got.target, got.body_bytes) == ("POST", PATH, len(BODY))
        assert got.values("X-Keyfold-Access") == ["write"]
        assert got.values("x-api-key") == got.values("a-api-key") == []


async def post_body(gateway: Gateway) -> Response:
    """Send a request with a body that may pass."""
    async with connected(gateway.port) as connection:
        headers = [*KEYS, ("Content-Length", str(len(BODY))), ("X-Keyfold-Access", "spoofed")]
        await connection.send(head("POST", PATH, headers) + BODY)
        return await connection.response()


class Load:
    """Sends one request after another through a gateway, over connections that it keeps."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.seen: Seen = Counter()
        self.is_over = False

    async def run(self) -> None:
        """Send until it is over."""
        while not self.is_over:
            async with connected(self.gateway.port) as connection:
                await self._use_up(connection)

    async def _use_up(self, connection: Connection) -> None:
        is_closing = False
        while not self.is_over and not is_closing:
            await connection.send(head("GET", PATH, KEYS))
            response = await connection.response()
            self.seen[response.status, " ".join(response.values("X-Keyfold-Reason"))] += 1
            await asyncio.sleep(PACE_S)
            is_closing = response.values("Connection") == ["close"]


def find_installed() -> list[Name]:
    """Return the gateways that are installed here."""
    packages = {"nginx": "nginx-light", "haproxy": "haproxy"}
    return [name for name in KINDS if name not in packages or find_program(packages[name])]


@asynccontextmanager
async def apply_load(scene: Scene, directory: Path, authz: list[int]) -> AsyncIterator[dict[Name, Load]]:
    """Yield the load of every gateway, each of which asks at these ports."""
    async with AsyncExitStack() as stack:
        loads = {}
        for name in find_installed():
            gateway = await stack.enter_async_context(scene.gateway(name, directory, authz=authz))
            loads[name] = Load(gateway)
        async with asyncio.TaskGroup() as group:
            for load in loads.values():
                group.create_task(load.run())
            try:
                yield loads
            finally:
                for load in loads.values():
                    load.is_over = True


@pytest.fixture(scope="module")
async def restarted(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> dict[Name, Seen]:
    """What clients saw of each gateway while each of two gatekeepers was replaced in turn."""
    directory = tmp_path_factory.mktemp("restarted")

    async def up(stack: AsyncExitStack, settings: dict[str, str]) -> None:
        await stack.enter_async_context(scene.world.gatekeeper(is_ready=True, **settings))

    async with two_gatekeepers(scene.world) as settings, AsyncExitStack() as stack:
        running = [await stack.enter_async_context(AsyncExitStack()) for _ in settings]
        await asyncio.gather(*map(up, running, settings))
        ports = [int(its["AUTHZ_PORT"]) for its in settings]
        async with apply_load(scene, directory, ports) as loads:
            for each, its in zip(running, settings, strict=True):
                await each.aclose()
                await up(each, its)
    return {name: load.seen for name, load in loads.items()}


async def test_restarts_under_load(
    name: Name, restarted: dict[Name, Seen], record_property: Callable[[str, object], None]
) -> None:
    """No request fails while gatekeepers are stopped and started again, one after the other."""
    seen = restarted[name]
    record_property(*restarts(name, seen))
    assert set(seen) == {(200, "")}
    assert seen[200, ""] > 50
