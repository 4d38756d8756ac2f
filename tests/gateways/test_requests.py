"""The ways in which a request can be sent: through every gateway the same decision, and nothing lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from libs.domain.decision import Reason
from tests.gateways.running import Gateway, Name
from tests.gateways.scene import Scene
from tests.gateways.upstream import echoed
from tests.gateways.wire import Connection, connected, head, send, upload
from tests.integration.gatekeeper.practice import BOTH

KEYS = list(BOTH.items())
MIB = 1 << 20
LARGE_BYTES = 100 * MIB
BLOCK_BYTES = 64 * 1024
QUESTION_BYTES_MAX = 16 * 1024
ORIGIN = "https://console.example.org"
PREFLIGHT = [
    ("Origin", ORIGIN),
    ("Access-Control-Request-Method", "GET"),
    ("Access-Control-Request-Headers", "x-api-key"),
]


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
        assert echoed(await connection.response()).method == "GET"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_method(gateway: Gateway, method: str) -> None:
    """The API gets the method that was decided on."""
    got = echoed(await send(gateway.port, method, "/v1/patient", [*KEYS, ("Content-Length", "0")]))
    assert got.method == method
    assert got.values("X-Keyfold-Access") == ["read" if method == "GET" else "write"]


async def test_preflight_is_denied(scene: Scene, gateway: Gateway) -> None:
    """A preflight has no keys, and is denied like every request without them, unless a setting says else."""
    before = len(scene.upstream.got)
    response = await send(gateway.port, "OPTIONS", "/v1/patient", PREFLIGHT)
    assert (response.status, response.values("X-Keyfold-Reason")) == (401, [Reason.MISSING_VENDOR_KEY])
    assert not [known for known, _ in response.headers if known.startswith("access-control-")]
    assert len(scene.upstream.got) == before


@pytest.fixture
async def cors_gateway(
    name: Name, scene: Scene, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """Each gateway in turn, which answers preflights of one origin."""
    await scene.set_right()
    async with scene.gateway(name, tmp_path_factory.mktemp("cors"), cors_origin=ORIGIN) as gateway:
        yield gateway


async def test_preflight_by_setting(scene: Scene, cors_gateway: Gateway) -> None:
    """A gateway that is told an origin answers its preflights itself; whatever else is sent is decided."""
    before = len(scene.upstream.got)
    answered = await send(cors_gateway.port, "OPTIONS", "/v1/patient", PREFLIGHT)
    assert answered.status in {200, 204}
    assert answered.values("Access-Control-Allow-Origin") == [ORIGIN]
    assert "x-api-key" in answered.values("Access-Control-Allow-Headers")[0]
    others = [
        [("Origin", "https://console.example.org.evil.example"), *PREFLIGHT[1:]],
        [("Origin", "https://consoleXexample.org"), *PREFLIGHT[1:]],
        PREFLIGHT[1:],
        PREFLIGHT[:1],
    ]
    for each in others:
        response = await send(cors_gateway.port, "OPTIONS", "/v1/patient", each)
        assert (response.status, response.values("X-Keyfold-Reason")) == (401, [Reason.MISSING_VENDOR_KEY])
    denied = await send(cors_gateway.port, "GET", "/v1/patient", PREFLIGHT[:1])
    assert denied.values("Access-Control-Allow-Origin") == [ORIGIN]
    assert "X-Keyfold-Reason" in denied.values("Access-Control-Expose-Headers")[0]
    assert len(scene.upstream.got) == before
    allowed = await send(cors_gateway.port, "GET", "/v1/patient", [*KEYS, *PREFLIGHT[:1]])
    assert (allowed.status, allowed.values("Access-Control-Allow-Origin")) == (200, [ORIGIN])


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
        assert echoed(await connection.response()).body_bytes == LARGE_BYTES
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
        assert echoed(await connection.response()).body_bytes == 4


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
    assert [echoed(each).target for each in responses if each.status == 200] == [
        target for target, status in targets.items() if status == 200
    ]
