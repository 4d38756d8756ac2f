"""Requests one after another on a connection: none affects the next, and each names one host."""

import re

import pytest

from keyfold.runtime.http import AnyRoute, Public, Request, Route, Streamed, Writer
from tests.support.runtime.serving import Client, serving
from tests.support.runtime.things import ROUTES

ID = re.compile(rb"[0-9a-f-]{36}")  # which may hold any short word
STATUS = re.compile(rb"HTTP/\d\.\d (\d{3}) ")
BODY = b'c\r\n{"name":"a"}\r\n'
TRAILERS = b"0\r\nX-Request-Id: stolen\r\nAuthorization: Bearer operator\r\n\r\n"
NEXT = b"DELETE /things/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


async def streamed(_request: Request[None, None]) -> Streamed:
    """Answer bit by bit."""

    async def write(writer: Writer) -> None:
        await writer.write(b"a")

    return Streamed(write=write, content_type="text/plain")


STREAM: AnyRoute = Route(method="GET", path="/stream", handler=streamed, rule=Public(), summary="Stream.")


def chunked(line: str, *headers: str, body: bytes = b"") -> bytes:
    """Return a chunked request with trailers."""
    lines = [f"{line} HTTP/1.1", "Host: a", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, "Transfer-Encoding: chunked", "", ""]).encode() + body + TRAILERS


def statuses(answers: bytes) -> list[int]:
    """Return the statuses of all answers."""
    return [int(each) for each in STATUS.findall(answers)]


@pytest.mark.parametrize(
    ("first", "status"),
    [
        (chunked("GET /livez"), [200]),
        (chunked("HEAD /livez"), [200]),
        (chunked("GET /stream"), [200]),
        (chunked("POST /things", body=BODY), [201]),
        (chunked("POST /things", "Expect: 100-continue", body=BODY), [100, 201]),
        (chunked("POST /things", "Content-Encoding: gzip", body=BODY), [415]),
        (chunked("DELETE /things/a", body=BODY), [401]),
        (chunked("GET /nothing"), [404]),
        (chunked("PUT /things", body=BODY), [405]),
        (chunked("GET /livez", "Expect: something"), [417]),
        (chunked("GET /livez", "Connection: upgrade", "Upgrade: websocket"), [200]),
        (chunked("CONNECT a:1"), [404]),
        (chunked("GET /livez").replace(b"chunked", b"gzip, chunked"), [200]),
        (chunked("GET /livez", "Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0"), [200]),
        (chunked("POST /things", body=BODY).replace(TRAILERS, b"0\r\nHost: b\r\nX: y\r\n\r\n"), [400]),
        (chunked("POST /things", body=b"x\r\n"), [400]),
    ],
)
@pytest.mark.parametrize("before", [b"", b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"])
async def test_a_trailer_is_no_header(before: bytes, first: bytes, status: list[int]) -> None:
    """A chunked request is its connection's last: no trailer can become a header of it or of another."""
    async with serving([*ROUTES, STREAM]) as client:
        answers = await client.raw(before + first + NEXT)
        assert statuses(answers)[-len(status) :] == status
        assert b"stolen" not in answers and b"ada" not in ID.sub(b"", answers)
        assert statuses(await client.raw_in_turn(first, NEXT)) == status


@pytest.mark.parametrize("rest", [b"x\r\n", b"0\r\nHost: b\r\nX: y\r\n\r\n", b"0\r\nX: " + b"y" * 40_000])
async def test_a_body_that_breaks_is_answered(
    client: Client, rest: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A client whose body breaks is told so at once, even if its head came long before."""
    head, _, _ = chunked("POST /things", "Expect: 100-continue").partition(TRAILERS)
    assert statuses(await client.raw_in_turn(head, rest)) == [100, 400]
    assert [each for each in caplog.records if each.name.startswith("aiohttp")] == []


async def test_a_connection_goes_on_after_a_body_of_a_known_length(client: Client) -> None:
    """A connection goes on after a body of known length; only others close it."""
    first = (
        b"POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n"
    )
    assert statuses(await client.raw(first + b'{"name":"a"}' + NEXT)) == [201, 401]


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        *(
            (f"Host: {host}", 200)
            for host in ("a", "a:80", "a:", "", "[::1]:80", "a_b.c", "1.2.3.4", "a%20b")
        ),
        *(
            (f"Host: {host}", 400)
            for host in ("a b", "a, b", "a/b", "a:b", "[::1", "[x]", "u@a", "a%2", "é", "http://a")
        ),
        ("Host: a\r\nHost: a", 400),
        ("Host: a\r\nhost: b", 400),
        ("X: y", 400),
    ],
)
@pytest.mark.parametrize("path", ["/livez", "/nothing", "http://a/livez"])
async def test_a_request_names_one_host(client: Client, path: str, lines: str, status: int) -> None:
    """HTTP/1.1 has exactly one valid Host; HTTP/1.0 may have none (RFC 9112, section 3.2)."""
    found = 404 if (path, status) == ("/nothing", 200) else status
    for version in ("1.1", "1.0"):
        sent = f"GET {path} HTTP/{version}\r\n{lines}\r\nConnection: close\r\n\r\n".encode()
        expected = found if (version, lines) != ("1.0", "X: y") else 404 if path == "/nothing" else 200
        assert statuses(await client.raw(sent)) == [expected]


@pytest.mark.parametrize("version", ["0.9", "2.0", "1.2"])
async def test_another_version_is_not_spoken(client: Client, version: str) -> None:
    """A request that is not HTTP/1 is refused."""
    sent = f"GET /livez HTTP/{version}\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert statuses(await client.raw(sent.encode())) == [400]


@pytest.mark.parametrize(
    ("line", "expectation", "found"),
    [
        ("POST /things HTTP/1.1", "100-continue", [100, 201]),
        ("POST /things HTTP/1.1", "100-Continue", [100, 201]),
        ("POST /things HTTP/1.0", "100-continue", [201]),
        ("POST /things HTTP/1.1", "200-ok", [417]),
        ("POST /things HTTP/1.1", "é", [417]),
        ("POST /things HTTP/1.1", "100-continue, 200-ok", [417]),
        ("POST /nothing HTTP/1.1", "é", [404]),
        ("PUT /things HTTP/1.1", "200-ok", [405]),
    ],
)
async def test_expectations(client: Client, line: str, expectation: str, found: list[int]) -> None:
    """A body is asked for if the call reads one; any other expectation is refused."""
    head = (
        f"{line}\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 12\r\nExpect: {expectation}"
    )
    answers = await client.raw(head.encode() + b'\r\n\r\n{"name":"a"}')
    assert statuses(answers) == found
    assert b"application/problem+json" in answers or 201 in found
