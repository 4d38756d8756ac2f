"""The ways in which a request can be sent: through every gateway the same decision, and nothing lost."""

from __future__ import annotations

import asyncio

import pytest

from keyfold.domain.access.decision import Reason
from tests.support.gatekeeper.practice import BOTH
from tests.support.gateways.running import Gateway
from tests.support.gateways.scene import Scene
from tests.support.gateways.upstream import read_echo
from tests.support.gateways.wire import Connection, Pairs, connected, head, send, upload

KEYS = list(BOTH.items())
MIB = 1 << 20
LARGE_BYTES = 100 * MIB
BLOCK_BYTES = 64 * 1024
QUESTION_BYTES_MAX = 16 * 1024
SOON_S = 5.0


async def test_head(scene: Scene, gateway: Gateway) -> None:
    """HEAD is decided like GET, and its answers have no body, so that the connection goes on."""
    async with connected(gateway.port) as connection:
        await connection.send(head("HEAD", "/v1/patient", KEYS))
        assert (await connection.response("HEAD")).status == 200
        assert scene.upstream.got[-1].method == "HEAD"
        await connection.send(head("HEAD", "/v1/patient"))
        denied = await connection.response("HEAD")
        assert (denied.status, denied.values("X-Keyfold-Reason")) == (401, [Reason.MISSING_VENDOR_KEY])
        await connection.send(head("GET", "/v1/patient", KEYS))
        assert read_echo(await connection.response()).method == "GET"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_method(gateway: Gateway, method: str) -> None:
    """The API gets the method that was decided on."""
    got = read_echo(await send(gateway.port, method, "/v1/patient", [*KEYS, ("Content-Length", "0")]))
    assert got.method == method
    assert got.values("X-Keyfold-Access") == ["read" if method == "GET" else "write"]


async def _send_body(connection: Connection, size: int, *, is_chunked: bool) -> None:
    block = bytes(MIB)
    framed = b"%x\r\n%s\r\n" % (len(block), block) if is_chunked else block
    for _ in range(size // MIB):
        await connection.send(framed)
    if is_chunked:
        await connection.send(b"0\r\n\r\n")


@pytest.mark.parametrize("is_chunked", [False, True], ids=["counted", "chunked"])
async def test_large_body(scene: Scene, gateway: Gateway, is_chunked: bool) -> None:
    """A body of 100 MB reaches the API whole, and the gatekeeper gets not a byte of it."""
    length = ("Transfer-Encoding", "chunked") if is_chunked else ("Content-Length", str(LARGE_BYTES))
    asked_before = scene.switchboard.asked_bytes
    async with connected(gateway.port) as connection:
        await connection.send(head("POST", "/v1/patient", [*KEYS, length]))
        await _send_body(connection, LARGE_BYTES, is_chunked=is_chunked)
        assert read_echo(await connection.response()).body_bytes == LARGE_BYTES
    assert 0 < scene.switchboard.asked_bytes - asked_before < QUESTION_BYTES_MAX


async def test_large_body_that_is_denied(scene: Scene, gateway: Gateway) -> None:
    """A client that may not send its body hears so before it has sent it, and the API hears nothing."""
    before = len(scene.upstream.got)
    asked_before = scene.switchboard.asked_bytes
    request = head("POST", "/v1/appointment", [*KEYS, ("Content-Length", str(LARGE_BYTES))])
    response, sent_bytes = await upload(gateway.port, request, LARGE_BYTES)
    assert sent_bytes < LARGE_BYTES
    assert (response.status, response.values("X-Keyfold-Reason")) == (403, [Reason.READ_ONLY])
    assert scene.switchboard.asked_bytes - asked_before < QUESTION_BYTES_MAX
    assert len(scene.upstream.got) == before


async def test_expect(gateway: Gateway) -> None:
    """A client that waits for 100 before it sends its body is told to go on once its request may pass."""
    async with connected(gateway.port) as connection:
        sent = [*KEYS, ("Content-Length", "4"), ("Expect", "100-continue")]
        await connection.send(head("POST", "/v1/patient", sent))
        assert (await connection.next_response()).status == 100
        await connection.send(b"body")
        assert read_echo(await connection.response()).body_bytes == 4


@pytest.mark.parametrize("size", [4, LARGE_BYTES])
@pytest.mark.parametrize("keys", [KEYS, []], ids=["read only", "no keys"])
async def test_expect_that_is_denied(scene: Scene, gateway: Gateway, size: int, keys: Pairs) -> None:
    """Who waits for 100 before it sends a body that may not pass gets the denial at once.

    Then the gateway ends the connection, or takes the body all the same (RFC 9110, section 10.1.1), and
    the next request after that: never the one for the other.
    """
    before = len(scene.upstream.got)
    async with connected(gateway.port) as connection:
        sent = [*keys, ("Content-Length", str(size)), ("Expect", "100-continue")]
        await connection.send(head("POST", "/v1/appointment", sent))
        async with asyncio.timeout(SOON_S):
            response = await connection.response()
        assert response.status == (403 if keys else 401)
        assert len(scene.upstream.got) == before
        if response.values("Connection") != ["close"] and size < MIB:
            await connection.send(bytes(size) + head("GET", "/v1/patient", KEYS))
            assert read_echo(await connection.response()).target == "/v1/patient"


async def test_http_1_0(gateway: Gateway) -> None:
    """A client of HTTP/1.0 without a Host gets its answer, allowed or denied, and then the end."""
    sent = "".join(f"{name}: {value}\r\n" for name, value in KEYS)
    for headers, status in ((sent, 200), ("", 401)):
        async with connected(gateway.port) as connection:
            await connection.send(f"GET /v1/patient HTTP/1.0\r\n{headers}\r\n".encode())
            assert (await connection.response()).status == status
            assert await connection.is_closed()


async def test_pipelining(gateway: Gateway) -> None:
    """Requests that are sent without waiting are each decided, and answered in their order."""
    wanted = [200, 401, 200, 403, 200, 401]
    asked = {
        200: head("GET", "/v1/patient", KEYS),
        401: head("GET", "/v1/patient"),
        403: head("GET", "/v1/note", KEYS),
    }
    async with connected(gateway.port) as connection:
        await connection.send(b"".join(asked[status] for status in wanted))
        assert [(await connection.response()).status for _ in wanted] == wanted


async def test_connection_close(gateway: Gateway) -> None:
    """A client that asks for the connection's end gets it, after a whole answer, allowed or denied."""
    for headers, status in ((KEYS, 200), ([], 401)):
        async with connected(gateway.port) as connection:
            await connection.send(head("GET", "/v1/patient", [*headers, ("Connection", "close")]))
            assert (await connection.response()).status == status
            assert await connection.is_closed()


async def test_many_at_once(scene: Scene, gateway: Gateway) -> None:
    """Requests at the same time are not mixed up: each gets the decision on its own path."""
    targets = {f"/v1/patient/{number}": 200 for number in range(20)} | {
        f"/v1/note/{number}": 403 for number in range(20)
    }
    responses = await asyncio.gather(*(send(gateway.port, "GET", each, KEYS) for each in targets))
    assert [response.status for response in responses] == list(targets.values())
    assert [read_echo(each).target for each in responses if each.status == 200] == [
        target for target, status in targets.items() if status == 200
    ]
