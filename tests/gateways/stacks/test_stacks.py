"""Whatever an API is built on, it serves what was decided on, and knows whom it was decided for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.gateways.stacks.running import STACKS, read_beliefs, stack_running
from tests.support.eventually import eventually
from tests.support.gatekeeper.practice import BOTH
from tests.support.gateways.claims import DENIED, REMOVED, batches, plausible
from tests.support.gateways.every import GATEWAYS
from tests.support.gateways.running import Gateway
from tests.support.gateways.scene import Scene
from tests.support.gateways.switchboard import Line, switchboard_running
from tests.support.gateways.wire import Pairs, Response, connected, head, send

KEYS = list(BOTH.items())
TARGET = "/v1/patient/7"
TRAILERS = b"X-Keyfold-Account: alice\r\nX-Forwarded-Proto: https\r\nRemote-User: alice\r\n"
# nginx cannot remove its own names by a pattern; none of these APIs goes by that one.
BEYOND_NGINX = "x-keyfold-anything"


@pytest.fixture(scope="module")
async def stacks(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mapping[str, int]]:
    """The port of each stack, all of which run."""
    async with AsyncExitStack() as running:
        starting = (
            running.enter_async_context(stack_running(STACKS[stack], tmp_path_factory.mktemp("stack")))
            for stack in STACKS
        )
        yield dict(zip(STACKS, await asyncio.gather(*starting), strict=True))


@pytest.fixture(scope="module")
async def line() -> AsyncIterator[Line]:
    """The address where the gateways look for an API."""
    async with switchboard_running() as switchboard:
        yield switchboard.lines[0]


@pytest.fixture(scope="module", params=GATEWAYS)
async def gateway(
    request: pytest.FixtureRequest, scene: Scene, line: Line, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """Each gateway in turn, in front of the line."""
    await scene.set_right()
    directory = tmp_path_factory.mktemp("stacks")
    async with scene.gateway(request.param, directory, upstream=line.port) as gateway:
        yield gateway


@pytest.fixture(params=STACKS)
async def stack(
    request: pytest.FixtureRequest, stacks: Mapping[str, int], line: Line, gateway: Gateway
) -> str:
    """Each stack in turn, behind the gateway."""
    await line.connect(stacks[request.param])

    async def passes() -> bool:
        return (await send(gateway.port, "GET", TARGET, KEYS)).status == 200

    await eventually(passes)
    return str(request.param)


def read_known(response: Response, gateway: Gateway) -> dict[str, Any]:
    """Return what the API believes, without what this gateway cannot keep from it."""
    told = read_beliefs(response)
    if gateway.name == "nginx":
        told["headers"] = [each for each in told["headers"] if each[0] != BEYOND_NGINX]
    return told


@pytest.mark.parametrize("one", STACKS)
async def test_it_would_believe(stacks: Mapping[str, int], one: str) -> None:
    """Asked without a gateway, each of these APIs believes a client: so what follows shows something."""
    before = read_beliefs(await send(stacks[one], "GET", TARGET))
    after = read_beliefs(await send(stacks[one], "GET", TARGET, plausible(REMOVED)[:40]))
    assert after != before


@pytest.mark.usefixtures("stack")
async def test_no_claim_is_believed(gateway: Gateway) -> None:
    """What a client claims, with values that could be true, changes nothing of what the API believes."""
    before = read_known(await send(gateway.port, "GET", TARGET, KEYS), gateway)
    assert (before["method"], before["path"]) == ("GET", TARGET)
    for claims in batches(plausible(REMOVED)):
        after = read_known(await send(gateway.port, "GET", TARGET, [*KEYS, *claims]), gateway)
        assert after == before


@pytest.mark.usefixtures("stack")
async def test_no_override_is_obeyed(gateway: Gateway) -> None:
    """What overrides a method or a path is denied, or gone before the API sees it."""
    before = read_known(await send(gateway.port, "GET", TARGET, KEYS), gateway)
    for override in plausible(DENIED):
        response = await send(gateway.port, "GET", TARGET, [*KEYS, override])
        assert response.status in {400, 403} or read_known(response, gateway) == before


async def _post(gateway: Gateway, trailers: bytes) -> Response | None:
    headers: Pairs = [*KEYS, ("Transfer-Encoding", "chunked")]
    async with connected(gateway.port) as connection:
        request = head("POST", TARGET, headers) + b"4\r\nbody\r\n0\r\n" + trailers + b"\r\n"
        await connection.send(request)
        try:
            return await connection.response()
        except (asyncio.IncompleteReadError, OSError):
            return None


@pytest.mark.usefixtures("stack")
async def test_no_trailer_is_believed(gateway: Gateway) -> None:
    """What stands behind a body changes nothing either, or the request is broken off."""
    before = await _post(gateway, b"")
    assert before is not None
    after = await _post(gateway, TRAILERS)
    if after is not None and after.status == 200:
        assert read_known(after, gateway) == read_known(before, gateway)
