"""Clients that put a secret where none belongs: in each place of a request, to each service."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import orjson

from keyfold.wire.keys.format import holds_key

JSON = ("Content-Type", "application/json")
TOO_MUCH_BYTES = 70 * 1024
REQUEST_ID_CHARACTERS_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Careless:
    """A request with a secret in it; it says itself who it is where `authorized` is false."""

    service: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    authorized: bool = True


def encoded(secret: str) -> str:
    """Return a secret with every byte percent-encoded."""
    return "".join(f"%{byte:02X}" for byte in secret.encode())


def to_registry(secret: str, account: str, vendor: str) -> Iterator[Careless]:
    """Return requests of an owner, and of whoever claims to be one, about an account and a vendor."""
    keys = f"{account}/keys"
    yield from in_headers("registry", "GET", account, secret)
    yield from in_target("registry", account, secret)
    for path in (f"{keys}/{secret}", f"{keys}/{secret}/history", f"{keys}/{secret}/unused-permissions"):
        yield Careless(service="registry", method="GET", target=path)
    yield Careless(service="registry", method="DELETE", target=f"{keys}/{secret}")
    yield from _post("registry", f"{keys}/{secret}/rotate", {"overlap_s": 0})
    for name, value in (
        ("If-Match", secret),
        ("If-Match", f'"{secret}"'),
        ("Idempotency-Key", f"not one {secret}"),
        ("Idempotency-Key", secret * 5),
        ("Prefer", f"wait={secret}"),
        ("Content-Encoding", secret),
    ):
        yield from _post("registry", keys, {"name": "x"}, (name, value))
    yield Careless(
        service="registry", method="POST", target=keys, headers=(("Content-Type", secret),), body=b"{}"
    )
    for body in (*_bodies(secret), *(_texts(secret) if holds_key(secret) else ())):
        for target in (keys, f"{keys}/revoke", f"{vendor}/reviews", f"{vendor}/suspend"):
            yield from _post("registry", target, body)
    for what in ("look", "accept", secret):
        yield from _post("registry", f"/v1/invitations/{what}", {"code": secret})
    for link_id in (secret, f"{secret} {secret}"):
        yield from _post("registry", "/v1/links/spend", {"link_id": link_id, "expires_at": secret})
    for path in (f"/v1/invitations/{secret}", f"{account}/logins/{secret}"):
        yield Careless(service="registry", method="DELETE", target=path)


def to_gatekeeper(secret: str, gateway_token: str) -> Iterator[Careless]:
    """Yield what a gateway asks when its client was careless, and when it is careless itself."""
    token = ("X-Gateway-Token", gateway_token)
    told = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/v1/patient/7", "X-Forwarded-For": "192.0.2.1"}
    for path in (
        secret,
        f"{encoded(secret)}/7",
        f"7?key={secret}",
        f"{quote(encoded(secret))}",
        f"x;k={secret}",
    ):
        for prefix in ("/v1/patient/", "/", "//", "/v1/../"):
            uri = {**told, "X-Forwarded-Uri": prefix + path}
            yield Careless(
                service="authz",
                method="GET",
                target="/authz",
                headers=(token, *uri.items()),
                authorized=False,
            )
        target = f"/authz/v1/patient/{path}"
        yield Careless(service="authz", method="GET", target=target, headers=(token,), authorized=False)
        yield Careless(service="authz", method="GET", target=f"/{path}", headers=(token,), authorized=False)
    for name in (*told, "traceparent", "X-Request-Id", "X-Real-IP", "Cookie", "User-Agent", "X-Original-URI"):
        headers = (token, *(told | {name: secret}).items())
        yield Careless(service="authz", method="GET", target="/authz", headers=headers, authorized=False)
    for names in (("x-api-key",), ("A-api-key",), ("x-api-key", "A-api-key"), ("A-api-key", "A-api-key")):
        given = tuple((name, secret) for name in names)
        headers = (token, *told.items(), *given)
        yield Careless(service="authz", method="GET", target="/authz", headers=headers, authorized=False)
    for scheme in ("Keyfold", "Keyfold x/", "Basic"):
        headers = (token, *told.items(), ("Authorization", f"{scheme} {secret}/{secret}"))
        yield Careless(service="authz", method="GET", target="/authz", headers=headers, authorized=False)
    wrong = (("X-Gateway-Token", f"x{secret}"), *told.items())
    yield Careless(service="authz", method="GET", target="/authz", headers=wrong, authorized=False)
    yield from in_headers("gatekeeper", "GET", "/v1/position", secret)
    yield from in_target("gatekeeper", "/v1/keys", secret)
    for path in ("/v1/introspect", "/v1/decide"):
        yield from _post("gatekeeper", path, {"token": secret, "subscriber_key_id": secret})
        form = (("Content-Type", "application/x-www-form-urlencoded"), token)
        yield Careless(
            service="gatekeeper",
            method="POST",
            target=path,
            headers=form,
            body=f"token={secret}/{secret}".encode(),
            authorized=False,
        )


def to_audit(secret: str, account: str) -> Iterator[Careless]:
    """Yield what an owner asks the log."""
    activity = f"{account}/activity"
    yield from in_headers("audit", "GET", activity, secret)
    yield from in_target("audit", activity, secret)
    for name in ("key_id", "vendor_id", "category", "decision", "reason", "since", "cursor"):
        yield Careless(service="audit", method="GET", target=f"{activity}?{name}={secret}")
    for asked in ("", "/export?format=csv", "/export?format=ndjson", "/summary?bucket=day"):
        yield Careless(service="audit", method="GET", target=f"{account}/keys/{secret}/activity{asked}")
    yield Careless(service="audit", method="GET", target=f"{activity}/stream?key_id={secret}&since={secret}")


def through_gateway(secret: str, keys: tuple[tuple[str, str], ...]) -> Iterator[Careless]:
    """Yield what a vendor's client sends with valid keys, and with none; the API may keep what passes."""
    paths = (
        f"/v1/patient/{secret}",
        f"/v1/patient/7?key={secret}",
        f"/v1/note/{encoded(secret)}",
        f"/{secret}",
    )
    for target in paths:
        for headers in (keys, (), (*keys, ("Referer", f"http://x/{secret}"), ("Cookie", secret))):
            yield Careless(service="gateway", method="GET", target=target, headers=headers, authorized=False)
    for name in ("x-api-key", "A-api-key", "Authorization", "X-Gateway-Token", "X-Keyfold-Account"):
        headers = (*keys, (name, secret))
        yield Careless(service="gateway", method="GET", target="/v1/note", headers=headers, authorized=False)


async def in_broken_requests(url: str, secret: str) -> list[bytes]:
    """Send what is not HTTP, with a secret in each place of it; return the answers."""
    lines = (
        f"GET /{secret} HTTP/9.9",
        f"GET /{secret} x y z",
        f"{secret} / HTTP/1.1",
        f"GET /v1/accounts HTTP/1.1\r\nA-api-key: {secret}\x01",
        f"GET /v1/accounts HTTP/1.1\r\n{secret} : x",
        f"GET /v1/accounts HTTP/1.1\r\nContent-Length: {secret}",
        f"POST /v1/accounts HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{secret}",
        f"GET /v1/accounts HTTP/1.1\r\nX-Long: {secret}{'x' * 40_000}",
    )
    return [await _raw(url, f"{line}\r\nHost: keyfold\r\n\r\n".encode()) for line in lines]


async def _raw(url: str, request: bytes) -> bytes:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(request)
        writer.write_eof()
        async with asyncio.timeout(10):
            return await reader.read()
    except OSError:
        return b""
    finally:
        writer.close()


def in_headers(service: str, method: str, target: str, secret: str) -> Iterator[Careless]:
    """Return requests with a secret in each header."""
    basic = b64encode(f"me:{secret}".encode()).decode()
    for value in (
        f"Bearer {secret}",
        f"Bearer {secret}x",
        f"Basic {basic}",
        secret,
        f"Keyfold {secret}/{secret}",
    ):
        headers = (("Authorization", value),)
        yield Careless(service=service, method=method, target=target, headers=headers, authorized=False)
    for name in (
        "X-Gateway-Token",
        "x-api-key",
        "Cookie",
        "User-Agent",
        "traceparent",
        "Accept",
        "X-Keyfold-Key",
    ):
        yield Careless(service=service, method=method, target=target, headers=((name, secret),))


def in_target(service: str, path: str, secret: str) -> Iterator[Careless]:
    """Return requests with a secret in each part of an address."""
    for target in (
        f"{path}?limit={secret}",
        f"{path}?cursor={secret}",
        f"{path}?{secret}=1",
        f"{path}?{secret}=1&{secret}=2",
        f"{path}/{secret}",
        f"/v1/{secret}",
        f"/{secret}/{encoded(secret)}",
        f"{path}/%{secret}",
        f"{path}/{secret}%00",
    ):
        yield Careless(service=service, method="GET", target=target)
    yield Careless(service=service, method="PUT", target=f"/v1/accounts/{secret}")


def _bodies(secret: str) -> Iterator[object]:
    """Return bodies in which a secret makes what is wrong of them, or stands beside it."""
    yield from (secret, [secret], {secret: secret}, {"name": {secret: 1}}, {"name": [secret]})
    for wrong in (
        {"permissions": {secret: "read"}},
        {"permissions": {"patient": secret}},
        {"vendor_ids": [secret]},
        {"networks": [secret]},
        {"rate_limit": secret},
        {"rate_limit": {secret: 1}},
        {"rate_limit": {"requests": secret, "per_s": secret, "burst": secret}},
        {"expires_at": secret},
        {"secret": secret},
    ):
        yield {"name": "x", **wrong}
    yield from ({"key_ids": [secret]}, {"all": secret}, {"kind": secret, "verdict": secret, "notes": secret})
    whole = orjson.dumps({"name": secret})
    yield from (whole[:-1], whole[:-2], whole + b"}", b"\xff" + whole, whole.replace(b"name", b"na\\u0000me"))
    yield from (b'{"%b":1,"%b":1}' % (secret.encode(), secret.encode()), b"[" * 300 + whole)
    yield whole + b" " * TOO_MUCH_BYTES


def _texts(key: str) -> Iterator[object]:
    """Return bodies that would be right, if a key were not in the text of them."""
    yield from ({"name": key}, {"name": f"the key {key} of the front desk"})
    yield from ({"reason": key}, {"kind": "security", "verdict": "pass", "notes": f"tried with {key}"})


def _post(service: str, target: str, body: object, *headers: tuple[str, str]) -> Iterator[Careless]:
    sent = body if isinstance(body, bytes) else orjson.dumps(body)
    yield Careless(service=service, method="POST", target=target, headers=(JSON, *headers), body=sent)
