"""A port's connections over time and in crowds: everything has an end, and nobody keeps others out."""

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest

from keyfold.runtime import metrics
from keyfold.runtime.http import Answer, AnyRole, AnyRoute, Public, Request, Route
from keyfold.runtime.sharing.timeouts import Timeouts
from tests.support.crowd import connect_crowd
from tests.support.eventually import eventually_so
from tests.support.runtime.serving import Client, serving
from tests.support.runtime.things import ROUTES

BRIEF = Timeouts(first_byte_s=0.1, head_s=0.1, body_s=0.1, idle_s=600, unread_s=0.1)
LARGE_BYTES = 8 * 1024 * 1024
STRANGERS = b'keyfold_connections{port="http",who="stranger"} 0.0'
ASKED = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = (
    b"POST /things HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer operator\r\n"
    b"Content-Type: application/json\r\n"
)


async def large(_request: Request[None, None]) -> Answer:
    """Answer with more than any buffer takes."""
    return Answer(body=b"x" * LARGE_BYTES, content_type="text/plain")


async def who(_request: Request[None, None]) -> Answer:
    """Answer whoever shows a token."""
    return Answer()


WHO: AnyRoute = Route(method="GET", path="/who", handler=who, rule=AnyRole(), summary="Who.", status=204)
LARGE: AnyRoute = Route(method="GET", path="/large", handler=large, rule=Public(), summary="Much.")


@pytest.fixture
async def hasty() -> AsyncIterator[Client]:
    """A server that waits for nobody."""
    async with serving([*ROUTES, LARGE], timeouts=BRIEF) as client:
        yield client


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (b"GET /livez HTT", b"HTTP/1.1 408 "),
        (ASKED + b"GET /livez HTTP/1.1\r\n", b"HTTP/1.1 200 "),
        (HEAD + b"Content-Length: 12\r\n\r\n{", b"HTTP/1.1 408 "),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", b"HTTP/1.1 408 "),
    ],
)
async def test_what_does_not_arrive_ends_its_connection(hasty: Client, sent: bytes, answer: bytes) -> None:
    """Nothing at all, half a head, half a body: each wait is bounded, and the connection is closed."""
    if sent.startswith(ASKED):
        answered = await hasty.raw_in_turn(ASKED, sent.removeprefix(ASKED))
        assert b"HTTP/1.1 408 " in answered
    else:
        answered = await hasty.raw(sent)
    assert answered.startswith(answer)
    if answered:
        assert b"Connection: close" in answered


async def test_dripping_does_not_prolong_a_wait(hasty: Client) -> None:
    """A head or a body that arrives byte by byte is as late as one that stops."""
    for sent, dripped in (
        (b"", ASKED[:-4] + b"X" * 40),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 20),
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
        writer.write(sent)
        answered = asyncio.create_task(reader.read())
        for byte in dripped:
            if answered.done():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)
        async with asyncio.timeout(10):
            assert (await answered).startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_an_idle_connection_goes_on(hasty: Client) -> None:
    """A connection that had a request is kept for longer than any of the waits."""
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
    for _ in range(2):
        writer.write(ASKED)
        async with asyncio.timeout(10):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            await reader.readuntil(b"}")
        await asyncio.sleep(1.2)
    writer.close()


@pytest.mark.parametrize("last", [b"", b"Connection: close\r\n"])
async def test_an_answer_that_nobody_reads_is_given_up(hasty: Client, last: bytes) -> None:
    """A client that asks for much and reads nothing loses its connection; one that reads gets it all."""
    asked = b"GET /large HTTP/1.1\r\nHost: a\r\n" + last + b"\r\n"
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.setblocking(False)
        await asyncio.get_running_loop().sock_connect(lazy, ("127.0.0.1", hasty.port))
        lazy.send(asked)

        await eventually_so(lambda: STRANGERS not in metrics.exposition())
        await eventually_so(lambda: STRANGERS in metrics.exposition())
    async with hasty.ask("GET", "/large", token=None) as answer:
        assert len(await answer.read()) == LARGE_BYTES


@pytest.mark.parametrize("many_hosts", [False, True])
async def test_a_crowd_keeps_nobody_out(many_hosts: bool) -> None:
    """With more strangers than a port holds, who showed a token goes on, and a new caller is answered."""
    async with serving([WHO], connections_max=32) as client:
        assert await client.status("GET", "/who") == 204
        async with connect_crowd(100, client.port, many_hosts=many_hosts) as crowd:
            await eventually_so(lambda: crowd.count_open() == 31)
            async with aiohttp.ClientSession() as fresh:
                newcomer = Client(fresh, client.port, client.health)
                assert await newcomer.status("GET", "/who") == 204
            assert crowd.count_open() == 30
            assert await client.status("GET", "/who") == 204
            assert crowd.count_open() == 30
