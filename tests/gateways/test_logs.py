"""What the gateways themselves write down: no key, no token, and no query, whatever goes wrong."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from keyfold.local.process.ports import HOST
from tests.support.gateways.running import Gateway, Name, token_of
from tests.support.gateways.scene import CANARY_KEY, CANARY_VENDOR_KEY, Scene
from tests.support.gateways.wire import Pairs, connected, head
from tests.support.stack.canaries import Canaries, found
from tests.support.stack.careless import in_broken_requests, through_gateway

KEYS: Pairs = (("x-api-key", CANARY_VENDOR_KEY.secret), ("A-api-key", CANARY_KEY.secret))
TOKEN = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJub3JhIn0.q7Xw2LfZ9sVb4TnKc8RmHd3Yg6Pj1Ue5"
PASSWORD = "Zr8mQv3TnXw6LkHy1BdJc5Ps"
SEEN = "/v1/patient/seen"


@pytest.fixture
def canaries() -> Canaries:
    """The secrets that a client or the gateway itself has."""
    them = Canaries()
    them.key("the vendor key", CANARY_VENDOR_KEY.secret)
    them.key("the subscriber key", CANARY_KEY.secret)
    them.token("a bearer token", TOKEN)
    them.plain("a password in a query", PASSWORD)
    return them


@asynccontextmanager
async def talking_nonsense() -> AsyncIterator[int]:
    """Run an API whose answers are not HTTP; return its port."""

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.read(1 << 16)
        writer.write(b"HTTP/1.1 200 OK\r\n\0: nonsense\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def in_headers() -> Iterator[tuple[str, Pairs]]:
    """Yield requests whose secrets are in headers only."""
    vendor_key, key = (secret for _, secret in KEYS)
    yield SEEN, KEYS
    yield SEEN, (("Authorization", f"Keyfold {vendor_key}/{key}"),)
    yield SEEN, (*KEYS, ("Authorization", f"Bearer {TOKEN}"), ("Cookie", f"session={TOKEN}"))
    yield SEEN, (*KEYS, ("Proxy-Authorization", f"Bearer {TOKEN}"))
    yield SEEN, (*KEYS, *KEYS)
    yield SEEN, (*KEYS, ("X-Gateway-Token", TOKEN), ("X-Keyfold-Account", key))
    yield SEEN, (*KEYS, ("X-HTTP-Method-Override", "DELETE"), ("Expect", "100-continue"))
    yield "/v1/../patient", KEYS


def anywhere() -> Iterator[tuple[str, Pairs]]:
    """Yield requests whose secrets are wherever a careless client puts them."""
    yield from in_headers()
    for secret in (CANARY_VENDOR_KEY.secret, CANARY_KEY.secret, TOKEN):
        yield from ((each.target, each.headers) for each in through_gateway(secret, tuple(KEYS)))
        yield f"/v1/patient/{secret}?subscriber_key={secret}", (*KEYS, ("Host", secret))
    yield f"{SEEN}?subscriber_key={CANARY_KEY.secret}", KEYS
    yield f"{SEEN}?password={PASSWORD}", (*KEYS, ("Referer", f"https://app.example/?password={PASSWORD}"))


async def send_all(scene: Scene, gateway: Gateway, requests: list[tuple[str, Pairs]]) -> None:
    """Send all, and the last one once more while gatekeepers are away."""

    async def send(target: str, headers: Pairs) -> None:
        async with connected(gateway.port) as connection:
            await connection.send(head("GET", target, [*headers, ("Connection", "close")]))
            await connection.reader.read()

    await asyncio.gather(*(send(*each) for each in requests))
    scene.switchboard.disconnect()
    await send(*requests[-1])


def logs_in(directory: Path) -> set[str]:
    """Return the files that the gateway wrote, in which a request with nothing to hide can be found."""
    logs = {path: path.read_text(errors="replace") for path in directory.rglob("*.log")}
    assert any(SEEN in log for log in logs.values())
    return set(map(str, logs))


async def leaks_of(canaries: Canaries, directory: Path) -> dict[str, set[str]]:
    """Return what was found in which file that the gateway wrote."""
    leaks, logs = await found(canaries.secret, directory), logs_in(directory)
    return {Path(path).name: set(names) for path, names in leaks.items() if path in logs}


async def test_the_shipped_log(name: Name, scene: Scene, canaries: Canaries, tmp_path: Path) -> None:
    """Nothing secret is in what a gateway writes with the shipped file, wherever the client puts it, for
    malformed requests, and for failures of the API and of gatekeepers."""
    canaries.plain("the gateway's token", token_of(name))
    await scene.set_right()
    async with talking_nonsense() as upstream, scene.gateway(name, tmp_path, upstream=upstream) as gateway:
        await send_all(scene, gateway, list(anywhere()))
        for secret in (*dict(KEYS).values(), TOKEN):
            await in_broken_requests(f"http://{HOST}:{gateway.port}", secret)
    assert await leaks_of(canaries, tmp_path) == {}


async def test_the_most_talkative_log(name: Name, scene: Scene, canaries: Canaries, tmp_path: Path) -> None:
    """Nor are keys and tokens in headers in the most talkative of the formats that come with a gateway."""
    canaries.plain("the gateway's token", token_of(name))
    await scene.set_right()
    async with (
        talking_nonsense() as upstream,
        scene.gateway(name, tmp_path, upstream=upstream, is_talkative=True) as gateway,
    ):
        await send_all(scene, gateway, list(in_headers()))
    assert await leaks_of(canaries, tmp_path) == {}
