"""Requests on the wire: paths byte for byte, bodies that nobody reads, old and odd HTTP."""

from __future__ import annotations

import pytest

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.request_path import PATH_LENGTH_MAX
from tests.support.gatekeeper.practice import KEY, VENDOR_KEY
from tests.support.gatekeeper.world import CADDY_TOKEN, Gatekeeper

KEYS = f"x-api-key: {VENDOR_KEY.secret}\r\nA-api-key: {KEY.secret}\r\n".encode()
HEAD = b"Host: h\r\nX-Gateway-Token: " + CADDY_TOKEN.encode() + b"\r\n" + KEYS


def request(line: bytes, more: bytes = b"Connection: close\r\n", version: bytes = b"1.1") -> bytes:
    """Return a request with both keys; by default its answer is the connection's last."""
    return line + b" HTTP/" + version + b"\r\n" + HEAD + more + b"\r\n"


@pytest.mark.parametrize("is_main_port", [False, True])
@pytest.mark.parametrize(
    "path",
    [
        *(
            "//v1/patient",
            "/v1//patient",
            "/v1/../patient",
            "/v1/%2e%2e/patient",
            "/v1%2Fpatient",
            "/v1/x%00",
        ),
        *("/v1/patient;a=1", "/v1/patient%3Ba", "/v1/note/%2e%2e/patient", "/%zz", "/v1/patient%252f"),
    ],
)
async def test_a_path_arrives_as_it_was_sent(gatekeeper: Gatekeeper, path: str, is_main_port: bool) -> None:
    """Nothing decodes or normalises a path before the decision: it is denied, and recorded as sent."""
    answer = await gatekeeper.raw(request(b"GET /authz" + path.encode()), is_main_port=is_main_port)
    assert answer.startswith(b"HTTP/1.1 403 ")
    record = gatekeeper.journal()[-1]
    assert (record.path, record.reason) == (path, Reason.AMBIGUOUS_REQUEST)


@pytest.mark.parametrize("path", ["/v1/patient", "/v1/patient/", "/v1/%70atient/7?q=1", "/V1/Patient"])
async def test_a_plain_path_after_the_prefix_is_decided(gatekeeper: Gatekeeper, path: str) -> None:
    """The path after /authz with the request's own method is the original request."""
    assert (await gatekeeper.raw(request(b"PUT /authz" + path.encode()))).startswith(b"HTTP/1.1 200 ")
    record = gatekeeper.journal()[-1]
    assert (record.method, record.path) == ("PUT", path.partition("?")[0])


async def test_the_prefix_alone_is_not_a_path(gatekeeper: Gatekeeper) -> None:
    """`/authz/` asks about `/`, which is not mapped: a client's own forwarded headers do not step in."""
    spoofed = b"X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /v1/patient\r\n"
    answer = await gatekeeper.raw(request(b"GET /authz/", spoofed))
    assert b"X-Keyfold-Reason: unmapped_route" in answer


async def test_an_encoded_prefix_is_denied(gatekeeper: Gatekeeper) -> None:
    """A prefix that only means /authz once it is decoded is no clear question, on whichever port."""
    for is_main_port in (False, True):
        answer = await gatekeeper.raw(request(b"GET /%61uthz/v1/patient"), is_main_port=is_main_port)
        assert b" 200 " not in answer.split(b"\r\n")[0]


@pytest.mark.parametrize("is_main_port", [False, True])
async def test_a_body_is_not_read(gatekeeper: Gatekeeper, is_main_port: bool) -> None:
    """100 MB are announced and none arrives: the answer comes, and the connection is given up."""
    announced = b"Content-Length: 104857600\r\n"
    answer = await gatekeeper.raw(request(b"POST /authz/v1/patient", announced), is_main_port=is_main_port)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"Connection: close" in answer


async def test_a_body_is_not_invited(gatekeeper: Gatekeeper) -> None:
    """A client that waits for 100 Continue gets the final answer in its place."""
    waiting = b"Content-Length: 104857600\r\nExpect: 100-continue\r\n"
    assert (await gatekeeper.raw(request(b"POST /authz/v1/patient", waiting))).startswith(b"HTTP/1.1 200 ")


async def test_a_sent_body_is_no_second_request(gatekeeper: Gatekeeper) -> None:
    """A request that hides in a body is not answered, chunked or not."""
    hidden = request(b"GET /authz/v1/patient", b"")
    length = f"Content-Length: {len(hidden)}\r\n".encode()
    chunked = f"{len(hidden):x}\r\n".encode() + hidden + b"\r\n0\r\n\r\n"
    for more, body in ((length, hidden), (b"Transfer-Encoding: chunked\r\n", chunked)):
        answer = await gatekeeper.raw(request(b"POST /authz/v1/note", more) + body)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert answer.startswith(b"HTTP/1.1 403 ")


async def test_pipelined_questions_are_answered_in_order(gatekeeper: Gatekeeper) -> None:
    """Three questions in one packet get three answers, in their order."""
    questions = [
        request(b"GET /authz" + path, b"") for path in (b"/v1/patient", b"/v1/note", b"/v1/appointment")
    ]
    answer = await gatekeeper.raw(b"".join(questions))
    statuses = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"403", b"200"]


async def test_http_1_0_and_head_are_answered(gatekeeper: Gatekeeper) -> None:
    """HTTP/1.0 gets its answer and the end of the connection; HEAD gets no body."""
    assert (await gatekeeper.raw(request(b"GET /authz/v1/patient", version=b"1.0"))).startswith(
        b"HTTP/1.1 200 "
    )
    denied = await gatekeeper.raw(request(b"HEAD /authz/v1/note"))
    assert denied.startswith(b"HTTP/1.1 403 ") and denied.endswith(b"\r\n\r\n")


async def test_what_clients_send_beside_their_keys_may_be_long(gatekeeper: Gatekeeper) -> None:
    """A cookie or a query that gateways let through is no reason to fail without a decision."""
    long_query = b"GET /authz/v1/patient?q=" + b"x" * 20_000
    long_cookie = request(
        b"GET /authz/v1/patient", b"Connection: close\r\nCookie: " + b"x" * 20_000 + b"\r\n"
    )
    assert (await gatekeeper.raw(request(long_query))).startswith(b"HTTP/1.1 200 ")
    assert (await gatekeeper.raw(long_cookie)).startswith(b"HTTP/1.1 200 ")


async def test_an_allowed_path_is_recorded_whole(gatekeeper: Gatekeeper) -> None:
    """The longest path that passes is in the record to its last character; a longer one does not pass."""
    longest = b"/v1/patient/".ljust(PATH_LENGTH_MAX, b"x")
    assert (await gatekeeper.raw(request(b"GET /authz" + longest))).startswith(b"HTTP/1.1 200 ")
    assert gatekeeper.journal()[-1].path == longest.decode()
    assert (await gatekeeper.raw(request(b"GET /authz" + longest + b"x"))).startswith(b"HTTP/1.1 403 ")


async def test_text_that_is_no_text_is_recorded_as_its_bytes(gatekeeper: Gatekeeper) -> None:
    """Bytes that are no UTF-8, in a path, a key, a trace or an address, are denied and recorded."""
    told = b"X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /v1/patient/\xff\xfe" + b"x" * 5000 + b"\r\n"
    odd = b"traceparent: \xff\r\nX-Forwarded-For: \xff\r\n"
    assert (await gatekeeper.raw(request(b"GET /authz", told + odd))).startswith(b"HTTP/1.1 403 ")
    record = gatekeeper.journal()[-1]
    assert record.path.startswith("/v1/patient/%FF%FExxx") and len(record.path) == 2048
    assert (record.client_ip, record.traceparent) == (None, None)


@pytest.mark.parametrize(
    "odd",
    [
        *(b"GET /authz/\xff HTTP/1.1\r\nHost: h\r\n\r\n", b"\x00\x01\x02\r\n\r\n", b"GET /authz\r\n\r\n"),
        *(b"GET /authz HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", b"GET /authz HTTP/9.9\r\n\r\n"),
    ],
)
async def test_what_is_no_http_is_refused(gatekeeper: Gatekeeper, odd: bytes) -> None:
    """A broken request line and absurd headers get a 4xx, never a failure."""
    status = (await gatekeeper.raw(odd)).split(b" ")[1]
    assert status.startswith(b"4")
