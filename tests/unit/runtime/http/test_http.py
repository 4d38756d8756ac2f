"""HTTP at its edges: unknown paths, broken requests, ids, problems, logs and metrics."""

import asyncio

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from tests.support.runtime.serving import Client, until
from tests.support.runtime.things import problem


async def test_unknown_path(client: Client) -> None:
    """A path that is not served is a 404 problem."""
    found = await problem(client, "GET", "/nothing?x=1")
    assert (found["status"], found["type"]) == (404, "urn:keyfold:problem:no-such-path")
    assert found["instance"] == "/nothing"


async def test_wrong_method(client: Client) -> None:
    """A method that a path does not take is a 405 problem that names those it does."""
    async with client.ask("PUT", "/things") as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET, HEAD, POST"
        assert response.content_type == "application/problem+json"


async def test_head(client: Client) -> None:
    """HEAD answers as GET does, without the body."""
    async with client.ask("HEAD", "/things") as response:
        assert (response.status, await response.read()) == (200, b"")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: 1\r\n" * 1000 + b"\r\n",
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nBad Header: 1\r\n\r\n",
        b"POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["word", "version", "long", "many", "target", "name", "length", "smuggle", "tls"],
)
async def test_what_is_no_http(client: Client, request_bytes: bytes) -> None:
    """A request that cannot be parsed gets a 400 problem with a request id, and its connection is closed."""
    answer = await client.raw(request_bytes)
    assert answer.split()[1] == b"400"
    assert b"application/problem+json" in answer
    assert b"X-Request-Id: " in answer


async def test_refusals(client: Client) -> None:
    """A handler refuses by returning a problem, or by raising one from deeper down."""
    found = await problem(client, "GET", "/things/conflict")
    assert found == {
        "type": "urn:keyfold:problem:thing-busy",
        "title": "Conflict",
        "status": 409,
        "detail": "the thing is busy",
        "instance": "/things/conflict",
        "thing": 1,
    }
    assert (await problem(client, "GET", "/things/refused"))["status"] == 412


async def test_a_bug(client: Client) -> None:
    """A bug is a 500 that tells the caller nothing, and a log line with traceback and request id."""
    with capture_logs(processors=[merge_contextvars]) as lines:
        found = await problem(client, "GET", "/things/bug", X_Request_Id="r1")
    assert found["status"] == 500
    assert "secret" not in str(found)
    failed = next(line for line in lines if line["event"] == "request_failed")
    assert failed["request_id"] == "r1"
    assert isinstance(failed["exc_info"], RuntimeError)


async def test_a_failure_that_passes(client: Client) -> None:
    """Something that is temporarily away is a 503 with Retry-After, and nothing of our internals."""
    async with client.ask("GET", "/things/away") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
        assert "10.0.0.7" not in await response.text()


@pytest.mark.parametrize("given", ["abc-1.2_3", "x" * 64])
async def test_the_clients_request_id(client: Client, given: str) -> None:
    """A harmless request id of the client comes back on the response."""
    async with client.ask("GET", "/things", headers={"X-Request-Id": given}) as response:
        assert response.headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "é", "{}"])
async def test_a_request_id_of_our_own(client: Client, given: str) -> None:
    """Without a harmless id of the client, each response has a new one."""
    ids = set()
    for _ in range(2):
        async with client.ask("GET", "/nothing", headers={"X-Request-Id": given}) as response:
            ids.add(response.headers["X-Request-Id"])
    assert len(ids) == 2
    assert given not in ids


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",) * 2,
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", None),
        ("nonsense", None),
    ],
)
async def test_traceparent(client: Client, given: str, seen: str | None) -> None:
    """A valid traceparent reaches the handler; an invalid one counts as missing."""
    async with client.ask("GET", "/things/a", headers={"traceparent": given}) as response:
        assert await response.json() == {"at": "2026-01-31T00:00:00.000000Z", "trace": seen, "id": "a"}


async def test_the_access_log(client: Client) -> None:
    """Each request is one line: route and caller, but neither the path nor the token."""
    with capture_logs(processors=[merge_contextvars]) as lines:
        async with client.ask("DELETE", "/things/acc_9?x=1", headers={"X-Request-Id": "r2"}):
            pass
    assert lines == [
        {
            "event": "http_request",
            "log_level": "info",
            "method": "DELETE",
            "route": "/things/{thing_id}",
            "status": 200,
            "duration_ms": 0.0,
            "role": "operator",
            "sub": "ada",
            "request_id": "r2",
        }
    ]


async def test_probes(client: Client) -> None:
    """A live process answers its probes, and says why it is not ready; probes stay out of the log."""
    with capture_logs() as lines:
        async with client.ask("GET", "/livez", token=None) as response:
            assert response.status == 200
        async with client.ask("GET", "/readyz", token=None) as response:
            assert (response.status, await response.json()) == (
                200,
                {"ready": True, "reasons": {}, "facts": {}},
            )
        client.health.add("store", lambda: "is away")
        async with client.ask("GET", "/readyz", token=None) as response:
            assert response.status == 503
            assert await response.json() == {"ready": False, "reasons": {"store": "is away"}, "facts": {}}
    assert {line["log_level"] for line in lines} == {"debug"}


async def test_metrics(client: Client) -> None:
    """Requests are counted by route template, known method and status."""
    async with client.ask("PROPFIND", "/things"):
        pass
    async with client.ask("GET", "/things/7"):
        pass
    async with client.ask("GET", "/metrics", token=None) as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        text = await response.text()
    assert 'keyfold_http_requests_total{method="GET",route="/things/{thing_id}",status="200"}' in text
    assert 'keyfold_http_requests_total{method="other",route="unmatched",status="405"}' in text
    assert 'keyfold_http_request_duration_seconds_bucket{le="0.5",method="GET",route="/things"}' in text


async def test_requests_of_one_connection_share_nothing(client: Client) -> None:
    """The caller of one request is not named in the log line of the next on the same connection."""
    with capture_logs(processors=[merge_contextvars]) as lines:
        async with client.ask("DELETE", "/things/1"):
            pass
        async with client.ask("GET", "/things", token=None):
            pass
    assert [line.get("sub") for line in lines] == ["ada", None]


async def test_a_client_that_leaves(client: Client) -> None:
    """A client that leaves in the middle of its body does not count as a bug of ours."""
    with capture_logs() as lines:
        _, writer = await asyncio.open_connection("127.0.0.1", client.port)
        head = b"POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        writer.write(head + b"Content-Length: 9\r\n\r\n{")
        await writer.drain()
        writer.close()
        await until(lambda: bool(lines))
    assert [line["event"] for line in lines] == ["http_request"]
    assert lines[0]["status"] == 400
