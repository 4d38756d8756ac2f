"""A process that may open few files serves on while strangers hold more connections than that."""

import asyncio
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.support.crowd import Crowd, connect_crowd
from tests.support.eventually import eventually_so
from tests.support.runtime.few_files import FILES

CROWD = 300


@pytest.fixture(scope="module")
async def port() -> AsyncIterator[int]:
    """The port of a service that may open few files."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.runtime.few_files", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        while not (line := await process.stdout.readline()).startswith(b"port "):
            assert line
    reading = asyncio.create_task(process.stdout.read())
    yield int(line.split()[1])
    process.terminate()
    assert await process.wait() == 0
    await reading


async def status(port: int, path: str) -> int:
    """Return what a newcomer with a token is answered."""
    headers = {"Authorization": "Bearer operator"}
    async with (
        aiohttp.ClientSession(headers=headers) as fresh,
        fresh.get(f"http://127.0.0.1:{port}{path}") as answer,
    ):
        return answer.status


def hold_little(crowd: Crowd) -> None:
    """Send half a head on every connection."""
    crowd.send(b"GET /who HTTP/1.1\r\nHost: a\r\nX: ")


def ask_and_read_nothing(crowd: Crowd) -> None:
    """Ask for far more than the connection takes, and read none of it."""
    crowd.send(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n" * 32)


@pytest.mark.parametrize("many_hosts", [False, True])
@pytest.mark.parametrize("act", [None, hold_little, ask_and_read_nothing])
async def test_a_crowd_leaves_files(port: int, act: object, many_hosts: bool) -> None:
    """Idle, half asked or unread: new callers are answered, files can be opened, the crowd is cut down."""
    async with connect_crowd(CROWD, port, many_hosts=many_hosts) as crowd:
        if callable(act):
            await asyncio.to_thread(act, crowd)
        assert await status(port, "/who") == 204
        assert await status(port, "/file") == 204
        assert await status(port, "/livez") == 200
        if act is not ask_and_read_nothing:  # else it cannot tell, for it does not read
            await eventually_so(lambda: crowd.count_open() < FILES // 2)
