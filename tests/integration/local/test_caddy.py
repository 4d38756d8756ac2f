"""The shipped Caddyfile, in a real Caddy, between servers that record what they were sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from keyfold.local.process.ports import free_ports
from keyfold.local.servers.caddy import CaddySpec, start_caddy
from tests.support.local.raw_http import RawServer, answer, send, serving

CADDYFILE = Path(__file__).parents[3] / "deploy" / "keyfold" / "gateways" / "Caddyfile"
IDENTITY = tuple(
    (f"X-Keyfold-{name}", f"true-{name.lower()}")
    for name in ("Account", "Key", "Vendor", "Category", "Access", "Decision", "Position")
)
KEYS = (("x-api-key", "vendor-secret"), ("A-api-key", "subscriber-secret"))
MISPLACED = "kfs_live_MISPLACEDSECRET"


@dataclass(frozen=True, slots=True, kw_only=True)
class Path3:
    """The gateway and the two servers that it calls."""

    port: int
    authz: RawServer
    upstream: RawServer

    async def send(self, method: str, target: str, *headers: tuple[str, str]) -> int:
        """Send a request through the gateway and return its status."""
        status, _ = await send(self.port, method, target, headers)
        return status


@pytest.fixture(scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path3]:
    """Caddy with the shipped file, allowing everything."""
    directory = tmp_path_factory.mktemp("caddy")
    async with serving(answer("200 OK", IDENTITY)) as authz, serving(answer("200 OK")) as upstream:
        (port,) = free_ports(1)
        settings = CaddySpec(
            port=port,
            authz=f"127.0.0.1:{authz.port}",
            upstream=f"127.0.0.1:{upstream.port}",
            token="the-gateway-token",
        )
        caddy = await start_caddy(
            settings, caddyfile=CADDYFILE, state_dir=directory, log_path=directory / "caddy.log"
        )
        yield Path3(port=port, authz=authz, upstream=upstream)
        await caddy.stop()


async def test_asks(gateway: Path3) -> None:
    """The gatekeeper is asked with the gateway's token, both keys and the original request, each once."""
    assert await gateway.send("POST", "/v1/patient?name=x", *KEYS) == 200
    asked = gateway.authz.seen[-1]
    assert (asked.method, asked.target) == ("GET", "/authz")
    assert asked.values("X-Gateway-Token") == ["the-gateway-token"]
    assert asked.values("X-Forwarded-Method") == ["POST"]
    assert asked.values("X-Forwarded-Uri") == ["/v1/patient?name=x"]
    assert asked.values("x-api-key") == ["vendor-secret"]
    assert asked.values("a-api-key") == ["subscriber-secret"]


async def test_passes_identity(gateway: Path3) -> None:
    """The API gets the request unchanged, with the identity that the gatekeeper found and without secrets."""
    await gateway.send("PUT", "/v1/patient/7", *KEYS, ("Accept", "text/x"))
    got = gateway.upstream.seen[-1]
    assert (got.method, got.target) == ("PUT", "/v1/patient/7")
    assert got.values("Accept") == ["text/x"]
    for name, value in IDENTITY:
        assert got.values(name) == [value]
    for secret in ("x-api-key", "a-api-key", "x-gateway-token"):
        assert got.values(secret) == []


@pytest.mark.parametrize("name", [name for name, _ in IDENTITY] + ["X-Keyfold-Else", "x-keyFOLD-account"])
async def test_spoofed_identity(gateway: Path3, name: str) -> None:
    """A client's own identity headers reach nobody, in whatever case, not even one that no decision sets."""
    await gateway.send("GET", "/v1/patient", *KEYS, (name, "spoofed"), (name.replace("-", "_"), "spoofed"))
    for server in (gateway.authz, gateway.upstream):
        assert "spoofed" not in [value for _, value in server.seen[-1].headers]


@pytest.mark.parametrize(
    "name",
    ["X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-Host", "X-Forwarded-For", "X-Original-URI",
     "X-Original-Method", "X-Original-URL", "X-Gateway-Token", "Forwarded"],
)  # fmt: skip
async def test_spoofed_request(gateway: Path3, name: str) -> None:
    """A client's claim of what it asked for reaches nobody, even when it is sent twice."""
    await gateway.send("DELETE", "/v1/note/1", *KEYS, (name, "spoofed"), (name.lower(), "spoofed"))
    asked, got = gateway.authz.seen[-1], gateway.upstream.seen[-1]
    for seen in (asked, got):
        assert not [value for _, value in seen.headers if "spoofed" in value]
    assert asked.values("X-Forwarded-Method") == ["DELETE"]
    assert asked.values("X-Forwarded-Uri") == ["/v1/note/1"]


@pytest.mark.parametrize("scheme", ["Keyfold", "keyfold", "KEYFOLD"])
async def test_keys_in_authorization(gateway: Path3, scheme: str) -> None:
    """Keys in Authorization reach the gatekeeper and not the API."""
    await gateway.send("GET", "/v1/patient", ("Authorization", f"{scheme} vendor/subscriber"))
    assert gateway.authz.seen[-1].values("Authorization") == [f"{scheme} vendor/subscriber"]
    assert gateway.upstream.seen[-1].values("Authorization") == []


async def test_other_authorization(gateway: Path3) -> None:
    """Another scheme of Authorization is the API's own business, and reaches it."""
    await gateway.send("GET", "/v1/patient", *KEYS, ("Authorization", "Bearer own"))
    assert gateway.upstream.seen[-1].values("Authorization") == ["Bearer own"]


async def test_connection_header(gateway: Path3) -> None:
    """A client cannot have identity headers removed as hop-by-hop."""
    await gateway.send("GET", "/v1/patient", *KEYS, ("Connection", "X-Keyfold-Account, X-Gateway-Token"))
    assert gateway.upstream.seen[-1].values("X-Keyfold-Account") == ["true-account"]
    assert gateway.authz.seen[-1].values("X-Gateway-Token") == ["the-gateway-token"]


@pytest.mark.parametrize(
    "target",
    ["/v1//patient", "/v1/note/../patient", "/v1/./patient", "/v1/%2e%2e/patient", "/v1/%2E/patient",
     "/v1/note%2Fpatient", "/v1/note%5Cpatient", "/v1/patient;a=b", "/v1/patient.", "/V1/Patient",
     "/v1/%70atient", "/v1/patient%00", "/v1/patient%3Fa=b", "/v1/patient?a=%2F..//b", "//v1/patient",
     "/v1/pa%252Ftient", "/v1/patient/%C3%A9", "/v1/a+b", "/v1/patient/", "/v1/[x]"],
)  # fmt: skip
async def test_same_path(gateway: Path3, target: str) -> None:
    """The gatekeeper judges exactly the path that the API gets, which is the one that the client sent."""
    status = await gateway.send("GET", target, *KEYS)
    asked, got = gateway.authz.seen[-1], gateway.upstream.seen[-1]
    print(f"{status} sent {target!r} authz {asked.values('X-Forwarded-Uri')} upstream {got.target!r}")
    assert status == 200
    assert asked.values("X-Forwarded-Uri") == [got.target] == [target]


@pytest.mark.parametrize("target", ["/v1/%zz", "/v1/%", "/v1/\xe9", "http://other.example/v1/patient"])
async def test_odd_target(gateway: Path3, target: str) -> None:
    """A target that is not a plain path is refused, or seen alike by the gatekeeper and the API."""
    before = len(gateway.upstream.seen)
    status = await gateway.send("GET", target, *KEYS)
    if status == 200:
        assert gateway.authz.seen[-1].values("X-Forwarded-Uri") == [gateway.upstream.seen[-1].target]
    else:
        assert status == 400
        assert len(gateway.upstream.seen) == before


async def test_denial(tmp_path: Path) -> None:
    """A refusal is returned complete, status, headers and body, and the API does not see the request."""
    refusal = answer("403 Forbidden", [("X-Keyfold-Reason", "read_only")], b'{"title":"no"}')
    async with serving(refusal) as authz, serving(answer("200 OK")) as upstream:
        (port,) = free_ports(1)
        settings = CaddySpec(
            port=port, authz=f"127.0.0.1:{authz.port}", upstream=f"127.0.0.1:{upstream.port}", token="t"
        )
        caddy = await start_caddy(
            settings, caddyfile=CADDYFILE, state_dir=tmp_path, log_path=tmp_path / "caddy.log"
        )
        status, received = await send(port, "POST", "/v1/patient", KEYS)
        await caddy.stop()
    assert status == 403
    assert b"X-Keyfold-Reason: read_only" in received
    assert received.endswith(b'{"title":"no"}')
    assert upstream.seen == []


async def test_no_gatekeeper(tmp_path: Path) -> None:
    """Without a gatekeeper nothing passes."""
    async with serving(answer("200 OK")) as upstream:
        port, nobody = free_ports(2)
        settings = CaddySpec(
            port=port, authz=f"127.0.0.1:{nobody}", upstream=f"127.0.0.1:{upstream.port}", token="t"
        )
        caddy = await start_caddy(
            settings, caddyfile=CADDYFILE, state_dir=tmp_path, log_path=tmp_path / "caddy.log"
        )
        async with asyncio.timeout(5):
            status, _ = await send(port, "GET", "/v1/patient", KEYS)
        await caddy.stop()
    assert status == 502
    assert upstream.seen == []


async def test_log_of_a_failure(tmp_path: Path) -> None:
    """When a request fails, the log has neither its keys nor its query."""
    async with serving(answer("200 OK", IDENTITY)) as authz:
        port, nobody = free_ports(2)
        settings = CaddySpec(
            port=port, authz=f"127.0.0.1:{authz.port}", upstream=f"127.0.0.1:{nobody}", token="the-token"
        )
        log_path = tmp_path / "caddy.log"
        caddy = await start_caddy(settings, caddyfile=CADDYFILE, state_dir=tmp_path, log_path=log_path)
        status, _ = await send(port, "GET", "/v1/patient?name=secret-query", KEYS)
        await send(port, MISPLACED, f"http://{MISPLACED}.host/v1/patient/{MISPLACED}", KEYS)
        await caddy.stop()
    logged = log_path.read_text()
    assert status == 502
    assert '"/v1/patient"' in logged
    assert logged.count("error handling handler error") == 2
    for secret in ("vendor-secret", "subscriber-secret", "the-token", "secret-query", MISPLACED):
        assert secret not in logged
