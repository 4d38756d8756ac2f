"""A server that keeps each request byte for byte, and a client that sends bytes as they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request as it arrived; header names are in lower case."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    def values(self, name: str) -> list[str]:
        """Return all values of a header."""
        return [value for known, value in self.headers if known == name.lower()]


@dataclass(slots=True, kw_only=True)
class RawServer:
    """Answers every request the same, and remembers it."""

    answer: bytes
    port: int = 0
    seen: list[Seen] = field(default_factory=list)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close the connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, _ = first.split(" ", 2)
        pairs = (line.split(": ", 1) for line in lines)
        self.seen.append(
            Seen(method=method, target=target, headers=tuple((name.lower(), value) for name, value in pairs))
        )
        writer.write(self.answer)
        await writer.drain()
        writer.close()


def answer(status: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> bytes:
    """Return a response that ends its connection."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def serving(response: bytes) -> AsyncIterator[RawServer]:
    """Serve on a free port."""
    raw = RawServer(answer=response)
    server = await asyncio.start_server(raw.handle, "127.0.0.1", 0)
    raw.port = server.sockets[0].getsockname()[1]
    async with server:
        yield raw


async def send(
    port: int, method: str, target: str, headers: Iterable[tuple[str, str]] = ()
) -> tuple[int, bytes]:
    """Send a request exactly as given; return the status and everything that came back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"{method} {target} HTTP/1.1", "Host: api.example", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    async with asyncio.timeout(10):
        received = await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(received.split(b" ", 2)[1]), received
