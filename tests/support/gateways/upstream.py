"""An API that answers every request with what it was sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from keyfold.local.process.ports import HOST
from tests.support.gateways.wire import Pairs, Response, chunks

READ_BYTES = 1 << 20
IDENTITY = tuple(
    f"X-Keyfold-{name}" for name in ("Account", "Key", "Vendor", "Category", "Access", "Decision", "Position")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """A request as it arrived; header names are in lower case, `trailers` has the lines as they came."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body_bytes: int
    trailers: tuple[str, ...] = ()

    def values(self, name: str) -> list[str]:
        """Return all values of a header."""
        return [value for known, value in self.headers if known == name.lower()]


def read_echo(response: Response) -> Got:
    """Return what the API was sent, from its response."""
    assert response.status == 200, response
    told = json.loads(response.body)
    headers = tuple((name, value) for name, value in told["headers"])
    return Got(**{**told, "headers": headers, "trailers": tuple(told["trailers"])})


@dataclass(slots=True)
class Upstream:
    """The API; `got` holds every request that reached it. It sends `own` headers with every answer."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    own: tuple[tuple[str, str], ...] = ()

    @contextmanager
    def sending(self, own: tuple[tuple[str, str], ...]) -> Iterator[None]:
        """Send headers of the API's own for the length of the block."""
        self.own = own
        yield
        self.own = ()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until the connection ends."""
        try:
            while True:
                await self._answer(reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, version = first.split(" ", 2)
        fields = [line.partition(":") for line in lines]
        headers = tuple((name.lower(), value.strip()) for name, _, value in fields)
        sent = dict(headers)
        if "100-continue" in sent.get("expect", ""):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        trailers: list[bytes] = []
        body_bytes = await _body_bytes(reader, sent, trailers)
        got = Got(
            method=method,
            target=target,
            headers=headers,
            body_bytes=body_bytes,
            trailers=tuple(line.decode("latin-1") for line in trailers),
        )
        self.got.append(got)
        writer.write(_response(got, self.own))
        await writer.drain()
        if version == "HTTP/1.0" or sent.get("connection", "").lower() == "close":
            raise ConnectionAbortedError


async def _body_bytes(reader: asyncio.StreamReader, headers: dict[str, str], trailers: list[bytes]) -> int:
    if "transfer-encoding" in headers:
        return sum([len(chunk) async for chunk in chunks(reader, trailers)])
    left = size = int(headers.get("content-length", "0"))
    while left:
        more = await reader.read(min(left, READ_BYTES))
        if not more:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(more)
    return size


def _response(got: Got, own: Pairs) -> bytes:
    told = {
        "method": got.method,
        "target": got.target,
        "headers": got.headers,
        "body_bytes": got.body_bytes,
        "trailers": got.trailers,
    }
    body = json.dumps(told).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *own]
    head = "HTTP/1.1 200 OK\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
    return head.encode() + (b"" if got.method == "HEAD" else body)


@asynccontextmanager
async def upstream_running() -> AsyncIterator[Upstream]:
    """Serve on a free port."""
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, HOST, 0, limit=READ_BYTES)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()
