"""What a client claims about what it asks for, or who it is, in a header or a trailer: no API hears it."""

from __future__ import annotations

import asyncio

import pytest

from keyfold.domain.access.decision import Reason
from tests.support.gatekeeper.practice import BOTH
from tests.support.gateways.claims import CLAIMS, DENIED, REMOVED, SPOOFED, batches, spoofed
from tests.support.gateways.running import Gateway
from tests.support.gateways.scene import Scene
from tests.support.gateways.upstream import read_echo
from tests.support.gateways.wire import connected, head, send

KEYS = list(BOTH.items())
# Of its own names nginx can remove those that it is told one by one.
BEYOND_NGINX = "x-keyfold-anything"


def test_sources() -> None:
    """Every claim is there once, and says what it changes and where that is documented."""
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
    changes = {"path", "method", "host", "scheme", "client", "identity"}
    assert {claim.changes for claim in CLAIMS} == changes
    assert [claim.name for claim in CLAIMS if not claim.source] == []


async def test_removed(scene: Scene, gateway: Gateway) -> None:
    """No name by which an API lets itself be told something reaches it, in any spelling."""
    for headers in batches(spoofed(REMOVED)):
        got = read_echo(await send(gateway.port, "GET", "/v1/patient", [*KEYS, *headers]))
        passed = {name for name, value in got.headers if SPOOFED in value}
        assert passed <= ({BEYOND_NGINX} if gateway.name == "nginx" else set())


async def test_denied(scene: Scene, gateway: Gateway) -> None:
    """A request that overrides itself is denied, or what overrides it is gone."""
    for header in spoofed(DENIED):
        before = len(scene.upstream.got)
        response = await send(gateway.port, "GET", "/v1/patient", [*KEYS, header])
        if response.status == 200:
            assert SPOOFED not in str(read_echo(response).headers)
            assert header[0] not in {claim.name for claim in DENIED}
        else:
            assert (response.status, response.values("X-Keyfold-Reason")) == (403, [Reason.AMBIGUOUS_REQUEST])
            assert len(scene.upstream.got) == before


async def test_what_the_gateway_says(gateway: Gateway) -> None:
    """What the API hears of client, scheme and host is the gateway's word, once."""
    claims = [
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", SPOOFED),
    ]
    got = read_echo(await send(gateway.port, "GET", "/v1/patient", [*KEYS, *claims]))
    (client,) = got.values("X-Forwarded-For")
    # Of whoever comes from its own machine Envoy tells the machine's address.
    assert client == "127.0.0.1" or (gateway.name == "envoy" and client != "203.0.113.9")
    assert got.values("X-Forwarded-Proto") == ["http"]
    assert got.values("X-Forwarded-Host") == ([] if gateway.name == "envoy" else ["api.example"])


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "unannounced"])
@pytest.mark.parametrize("field", ["X-Keyfold-Account", "x_keyfold_account", "Authorization", "X-Anything"])
async def test_trailers(scene: Scene, gateway: Gateway, field: str, announced: bool) -> None:
    """What stands behind a body never reaches the API, nor is it a header of the next request."""
    before = len(scene.upstream.got)
    trailer = [("Trailer", field), ("TE", "trailers")] if announced else []
    chunked = head("POST", "/v1/patient", [*KEYS, *trailer, ("Transfer-Encoding", "chunked")])
    for body in (b"", b"4\r\nbody\r\n"):
        async with connected(gateway.port) as connection:
            await connection.send(chunked + body + b"0\r\n" + f"{field}: {SPOOFED}\r\n\r\n".encode())
            try:
                response = await connection.response()
            except asyncio.IncompleteReadError:
                continue  # it hung up
            if response.status == 200:
                assert SPOOFED not in response.body.decode()
                await connection.send(head("GET", "/v1/patient", KEYS))
                assert SPOOFED not in (await connection.response()).body.decode()
    assert [got for got in scene.upstream.got[before:] if SPOOFED in str((got.headers, got.trailers))] == []
