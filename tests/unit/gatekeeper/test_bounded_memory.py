"""Requests of strangers leave nothing behind in memory, however many there are."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from keyfold.gatekeeper.authz.connection import AuthzConnection
from keyfold.gatekeeper.authz.request.callers import AuthzCallers
from keyfold.wire.keys.format import KeyKind, mint
from tests.support.gatekeeper.heart import NGINX_TOKEN, TOKEN
from tests.support.gatekeeper.holdings import holdings, unbounded_caches
from tests.support.gatekeeper.server_over import TICK, Wire, server_over

STRANGERS: Final = 28_000
SMALL: Final = 4096
# Of callers, where a gatekeeper has four times as many; of addresses it has just these. Strangers are more.
REMEMBERED_MAX: Final = 16_384
PACKAGES: Final = ("keyfold.gatekeeper", "keyfold.domain", "keyfold.wire", "keyfold.runtime.metrics")


def stranger(number: int) -> bytes:
    """Return a request with new keys, path, address and names."""
    vendor = mint(KeyKind.VENDOR, f"{number:012}", number.to_bytes(32)).secret
    key = mint(KeyKind.SUBSCRIBER, f"{number:012}", number.to_bytes(32)).secret
    token = (TOKEN, NGINX_TOKEN, f"token-{number}")[number % 3]
    address = f"{number % 200 + 1}.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}"
    lines = [
        f"GET /authz/v1/patient/{number} HTTP/1.1" if number % 2 else f"GET /authz?{number} HTTP/1.1",
        f"Host: {number}.example",
        f"X-Gateway-Token: {token}",
        f"x-api-key: {vendor}",
        f"A-api-key: {key}",
        f"X-{number}: {number}",
        f"X-Forwarded-Method: METHOD-{'ABCDEFGHIJ'[number % 10]}-{'X' * (number % 20)}",
        f"X-Forwarded-Uri: /{number}/{number}",
        f"X-Forwarded-For: {address}",
        f"X-Real-IP: {address}",
        f"traceparent: 00-{number:032x}-{number:016x}-01",
        *("", ""),
    ]
    return "\r\n".join(lines).encode()


def own_globals() -> list[object]:
    """Return the globals of a gatekeeper's modules."""
    modules = [module for name, module in sys.modules.items() if name.startswith(PACKAGES)]
    return [value for module in modules for value in vars(module).values()]


def sizes(roots: list[object]) -> Counter[str]:
    """Return the number of collections, and the sizes of the large ones."""
    found = holdings([*roots, *own_globals()])
    large = sorted(len(each) for each in found if len(each) > SMALL)
    return Counter({"collections": len(found), **{f"large-{at}": size for at, size in enumerate(large)}})


async def test_strangers_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in a gatekeeper grows with requests, except bounded caches."""
    monkeypatch.setattr(AuthzCallers.__init__, "__kwdefaults__", {"remembered_max": REMEMBERED_MAX})
    with server_over(tmp_path) as (heart, server, journal):
        roots: list[object] = [heart, server]
        connection, wire = AuthzConnection(server), Wire()
        connection.connection_made(wire)
        for first in range(0, STRANGERS, TICK):
            for number in range(first + 1, first + 1 + TICK):
                connection.data_received(stranger(number))
            await asyncio.sleep(0)
            journal.lines.clear()
            wire.written.clear()
            heart.journal.measure(0)
            if first == 0:
                before = sizes(roots)
        after = sizes(roots)
        decided, kept = heart.journal.next_seq - 1, len(heart.limiter)
    large = [size for name, size in after.items() if name.startswith("large")]
    assert (decided, kept) == (STRANGERS * 2 // 3 + 1, 0)
    assert unbounded_caches(own_globals()) == []
    assert len(large) <= 2 and max(large, default=0) <= REMEMBERED_MAX
    # Beside the caches of callers, and of addresses.
    assert after["collections"] - before["collections"] - sum(large) < 1000
