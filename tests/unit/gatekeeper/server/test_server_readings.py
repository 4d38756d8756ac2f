"""Bytes on a connection have one reading: no duplicates, no smuggled message, however they are split."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyfold.domain.access.decision import Reason
from keyfold.gatekeeper.authz.connection import AuthzConnection
from keyfold.gatekeeper.authz.server import AuthzServer
from tests.support.gatekeeper.heart import NGINX_TOKEN
from tests.support.gatekeeper.mutations import mutate
from tests.support.gatekeeper.practice import KEY, NETWORKED_KEY, VENDOR_KEY
from tests.support.gatekeeper.server_bed import KEY_LINES, TOKEN_LINE, Bed, request, serve_in
from tests.support.gatekeeper.server_over import Wire, server_over

HIDDEN = request(path="/v1/note")
PAIR_LINE = f"Authorization: Keyfold {VENDOR_KEY.secret}/{KEY.secret}"
FORWARDED_LINES = ("X-Forwarded-Method: GET", "X-Forwarded-Uri: /v1/patient")
ORIGINAL_LINES = ("X-Original-Method: GET", "X-Original-URI: /v1/patient")
NGINX_LINE = f"X-Gateway-Token: {NGINX_TOKEN}"
TRACE_LINE = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
EVENT_ID = re.compile(rb"0195f000-0000-7000-8000-\w{12}")


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    """An authz server."""
    async with serve_in(tmp_path) as bed:
        yield bed


@pytest.mark.parametrize("second", [TOKEN_LINE, "X-Gateway-Token:", "x-gateway-token: another", NGINX_LINE])
async def test_two_tokens_are_no_gateway(bed: Bed, second: str) -> None:
    """A second token, even an equal one, makes the gateway unknown: nothing is decided or recorded."""
    for lines in ([TOKEN_LINE, second], [second, TOKEN_LINE]):
        assert await bed.exchange(request(own=(*lines, *KEY_LINES))) == [401]
    assert bed.heart.records() == []


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([TOKEN_LINE, *KEY_LINES, KEY_LINES[0]], Reason.MALFORMED_KEY),
        ([TOKEN_LINE, *KEY_LINES, KEY_LINES[1].lower().split(":")[0] + ":"], Reason.MALFORMED_KEY),
        ([TOKEN_LINE, PAIR_LINE, PAIR_LINE], Reason.MALFORMED_KEY),
        ([TOKEN_LINE, PAIR_LINE, *KEY_LINES, KEY_LINES[1]], Reason.MALFORMED_KEY),
        ([TOKEN_LINE, PAIR_LINE, *KEY_LINES, "Authorization: Bearer x"], None),
        ([TOKEN_LINE, *KEY_LINES, *FORWARDED_LINES], None),
        ([TOKEN_LINE, *KEY_LINES, *FORWARDED_LINES, FORWARDED_LINES[0]], Reason.AMBIGUOUS_REQUEST),
        ([TOKEN_LINE, *KEY_LINES, *FORWARDED_LINES, FORWARDED_LINES[1].upper()], Reason.AMBIGUOUS_REQUEST),
        ([TOKEN_LINE, *KEY_LINES, *FORWARDED_LINES, "X-Rewrite-URL: /x"], Reason.AMBIGUOUS_REQUEST),
        ([NGINX_LINE, *KEY_LINES, *ORIGINAL_LINES], None),
        ([NGINX_LINE, *KEY_LINES, *ORIGINAL_LINES, ORIGINAL_LINES[0]], Reason.AMBIGUOUS_REQUEST),
        ([NGINX_LINE, *KEY_LINES, *ORIGINAL_LINES, ORIGINAL_LINES[1].lower()], Reason.AMBIGUOUS_REQUEST),
    ],
)
async def test_what_decides_is_there_once(bed: Bed, lines: list[str], reason: Reason | None) -> None:
    """A second copy of a key, or of a header that describes the original request, is a denial."""
    sent = request(own=lines).replace(b"/authz/v1/patient", b"/authz")
    if FORWARDED_LINES[0] not in lines and ORIGINAL_LINES[0] not in lines:
        sent = request(own=lines)
    (status,) = await bed.exchange(sent)
    (record,) = bed.heart.records()
    assert (record.reason, status == 200) == (reason, reason is None)


async def test_of_two_reports_about_the_client_neither_is_believed(bed: Bed) -> None:
    """Two traces or two X-Real-IP count as none; the last X-Forwarded-For entry is the gateway's."""
    networked = (KEY_LINES[0], f"A-api-key: {NETWORKED_KEY.secret}")
    forwarded = ("X-Forwarded-For: 198.51.100.7", "X-Forwarded-For: 198.51.100.8, 203.0.113.9")
    assert await bed.exchange(request(TRACE_LINE, TRACE_LINE, *forwarded, own=(TOKEN_LINE, *networked))) == [
        200
    ]
    twice = ("X-Real-IP: 203.0.113.9", "X-Real-IP: 203.0.113.9")
    assert await bed.exchange(request(*twice, own=(NGINX_LINE, *networked))) == [403]
    assert await bed.exchange(request(twice[0], TRACE_LINE, own=(NGINX_LINE, *networked))) == [200]
    kept = [(record.client_ip, record.traceparent is None) for record in bed.heart.records()]
    assert kept == [("203.0.113.9", True), (None, True), ("203.0.113.9", False)]


LENGTH = len(HIDDEN)


@pytest.mark.parametrize(
    ("lines", "statuses"),
    [
        ([f"Content-Length: {LENGTH}"], [200, 200]),
        ([f"Content-Length: {LENGTH} "], [200, 200]),
        (["Content-Length: 0"], [200, 403, 200]),
        (["Transfer-Encoding: chunked"], [200]),
        (["Transfer-Encoding: identity"], [200]),
        (["Transfer-Encoding: xchunked"], [200]),
        ([f"Content-Length: {LENGTH}", "Transfer-Encoding: chunked"], [400]),
        (["Transfer-Encoding: chunked", f"Content-Length: {LENGTH}"], [400]),
        (["Transfer-Encoding: chunked, identity"], [400]),
        ([f"Content-Length: {LENGTH}", f"Content-Length: {LENGTH}"], [400]),
        ([f"Content-Length: {LENGTH}", "Content-Length: 0"], [400]),
        ([f"Content-Length: {LENGTH}, {LENGTH}"], [400]),
        ([f"Content-Length : {LENGTH}"], [400]),
        ([f" Content-Length: {LENGTH}"], [400]),
        ([f"Content-Length: +{LENGTH}"], [400]),
        ([f"Content-Length: -{LENGTH}"], [400]),
        ([f"Content-Length: 0x{LENGTH:x}"], [400]),
        (["Content-Length:"], [400]),
        (["Content-Length: 99999999999999999999"], [400]),
        ([f"X: y\r\n Content-Length: {LENGTH}"], [400]),
        ([f"X: y\nContent-Length: {LENGTH}"], [400]),
        ([f"X: y\rContent-Length: {LENGTH}"], [400]),
        ([f"X: y\x00Content-Length: {LENGTH}"], [400]),
        (["Transfer-Encoding : chunked"], [400]),
        (["Transfer-Encoding:\x0bchunked"], [400]),
        (["Transfer-Encoding:\r\n chunked"], [400]),
        (["Transfer_Encoding: chunked"], [200, 403, 200]),
    ],
)
async def test_nobody_smuggles_a_question(bed: Bed, lines: list[str], statuses: list[int]) -> None:
    """Bytes that may be a body or a request are refused, or the connection's last."""
    sent = request(*lines, method="POST") + HIDDEN + request()
    assert await bed.exchange(sent) == statuses
    assert len(bed.heart.records()) == len([each for each in statuses if each != 400])


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        *(([f"Host: {host}"], 200) for host in ("h", "h:80", "", "[::1]:80", "h_1", "127.0.0.1")),
        *(
            ([f"Host: {host}"], 400)
            for host in ("h h", "h, h", "h/", "h:x", "[::1", "u@h", "h%2", "\xe9", "http://h")
        ),
        (["Host: h", "Host: h"], 400),
        (["Host: h", "host: other"], 400),
        ([], 400),
    ],
)
async def test_a_question_names_one_host(bed: Bed, hosts: list[str], status: int) -> None:
    """HTTP/1.1 needs exactly one valid Host; HTTP/1.0 may have none (RFC 9112, section 3.2)."""
    for version in ("1.1", "1.0"):
        lines = "".join(f"{host}\r\n" for host in hosts).encode("latin-1")
        sent = request(version=version).replace(b"Host: h\r\n", lines)
        assert await bed.exchange(sent) == [status if hosts or version == "1.1" else 200]


@pytest.mark.parametrize("expectation", ["100-continue", "200-ok", "\xe9"])
async def test_a_clients_expectation_is_no_concern(bed: Bed, expectation: str) -> None:
    """A client's Expect header, which its gateway repeats, changes no decision."""
    assert await bed.exchange(request(f"Expect: {expectation}")) == [200]


async def test_a_trailer_is_part_of_no_question(bed: Bed) -> None:
    """A chunked question is its connection's last, and its trailers are not read."""
    trailers = b"0\r\n" + "\r\n".join((TOKEN_LINE, *KEY_LINES, "", "")).encode()
    chunked = request("Transfer-Encoding: chunked", own=(), method="POST", body=trailers)
    assert await bed.exchange(request() + chunked + request(own=())) == [200, 401]
    assert len(bed.heart.records()) == 1


@pytest.mark.parametrize(
    "line",
    [
        *("GET /authz/v1/patient", "GET /authz/v1/patient HTTP/0.9", "GET /authz/v1/patient HTTP/2.0"),
        *(
            "PRI * HTTP/2.0",
            "GET /authz/v1/patient HTTP/1.2",
            "get /authz/v1/patient HTTP/1.1",
            "GET HTTP/1.1",
        ),
        *("GET /authz/v1/pa tient HTTP/1.1", "GET /authz\x80 HTTP/1.1", "GET /authz/v1/patient\nHTTP/1.1"),
    ],
)
async def test_no_other_request_line_is_understood(bed: Bed, line: str) -> None:
    """Another HTTP version, another spelling of a method, or an extra space is a 400, without a record."""
    sent = line.encode("latin-1") + request()[len(b"GET /authz/v1/patient HTTP/1.1") :]
    assert await bed.exchange(sent) == [400]
    assert bed.heart.records() == []


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AuthzServer]:
    """An authz server without a port."""
    with server_over(tmp_path_factory.mktemp("server")) as (_, server, _):
        yield server


async def exchange(server: AuthzServer, pieces: Sequence[bytes]) -> bytes:
    """Send pieces, a tick after each, and return the answers without the parts that always differ."""
    wire, connection = Wire(), AuthzConnection(server)
    connection.connection_made(wire)
    for piece in pieces:
        connection.data_received(piece)
        await asyncio.sleep(0)
    connection.connection_lost(None)
    return EVENT_ID.sub(b"", bytes(wire.written))


def cut(sent: bytes, places: Sequence[int]) -> Iterator[bytes]:
    """Return the bytes, cut at these places."""
    ends = sorted({place % (len(sent) + 1) for place in places} | {len(sent)})
    for start, end in zip([0, *ends], ends, strict=False):
        if start < end:
            yield sent[start:end]


@settings(max_examples=300, deadline=None)
@given(
    seed=st.integers(0, 2**32), places=st.lists(st.integers(0, 2000), max_size=12), is_dripped=st.booleans()
)
async def test_an_answer_does_not_depend_on_how_the_bytes_arrive(
    server: AuthzServer, seed: int, places: list[int], is_dripped: bool
) -> None:
    """Bytes get the same answers whether they come whole, in pieces or one at a time."""
    sent = mutate(Random(seed))
    pieces = [bytes([each]) for each in sent] if is_dripped else list(cut(sent, places))
    assert await exchange(server, pieces) == await exchange(server, [sent] if sent else [])
