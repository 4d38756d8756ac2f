"""A client that sends exact bytes, and reads complete responses one after another."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from keyfold.local.process.ports import HOST

WITHIN_S = 20.0
_BLOCK_BYTES = 64 * 1024
Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A complete response; header names are in lower case."""

    version: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def values(self, name: str) -> list[str]:
        """Return all values of a header."""
        return [value for known, value in self.headers if known == name.lower()]

    @property
    def problem(self) -> dict[str, object] | None:
        """The problem in the body, None if there is none."""
        if self.values("Content-Type") != ["application/problem+json"] or not self.body:
            return None
        problem = json.loads(self.body)
        assert isinstance(problem, dict)
        return problem


@dataclass(frozen=True, slots=True)
class Heard:
    """Reads what a server sends."""

    reader: asyncio.StreamReader

    async def response(self, method: str = "GET") -> Response:
        """Return the response to a request with this method, without interim responses (1xx)."""
        response = await self.next_response(method)
        return await self.response(method) if response.status < 200 else response

    async def next_response(self, method: str = "GET") -> Response:
        """Return the next response, interim or not."""
        async with asyncio.timeout(WITHIN_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.rstrip("\r\n").split("\r\n")
            version, status, *_ = first.split(" ", 2)
            pairs = tuple(_field(line) for line in lines)
            headers = dict(pairs)
            has_body = method != "HEAD" and status not in {"100", "204", "304"}
            body = await self._body(headers) if has_body else b""
        return Response(version=version, status=int(status), headers=pairs, body=body)

    async def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return b"".join([chunk async for chunk in chunks(self.reader)])
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        return await self.reader.read()

    async def is_closed(self) -> bool:
        """Return when the server closes the connection, and whether nothing came before that."""
        async with asyncio.timeout(WITHIN_S):
            return await self.reader.read(1) == b""


@dataclass(frozen=True, slots=True)
class Connection(Heard):
    """One connection to a server."""

    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)
        await self.writer.drain()


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()


async def chunks(reader: asyncio.StreamReader, trailers: list[bytes] | None = None) -> AsyncIterator[bytes]:
    """Yield the chunks of a body in chunked coding, up to its end; then its trailers are in the list."""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
        if trailers is not None:
            trailers.append(line)


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    """Yield a connection."""
    reader, writer = await asyncio.open_connection(HOST, port, limit=1 << 20)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()


async def upload(port: int, request: bytes, body_bytes: int) -> tuple[Response, int]:
    """Send a request and its body until it is answered; return the answer, and how much of the body was sent.

    A server may hang up on who goes on sending; what it has said by then is heard all the same.
    """
    loop, reader, sent_bytes = asyncio.get_running_loop(), asyncio.StreamReader(), 0
    answer = asyncio.create_task(Heard(reader).response())
    with socket.create_connection((HOST, port)) as client:
        client.setblocking(False)
        hearing = asyncio.create_task(_hear(client, reader))
        with suppress(OSError):
            await loop.sock_sendall(client, request)
            while not answer.done() and sent_bytes < body_bytes:
                await loop.sock_sendall(client, bytes(_BLOCK_BYTES))
                sent_bytes += _BLOCK_BYTES
        response = await answer
        hearing.cancel()
    return response, sent_bytes


async def _hear(client: socket.socket, reader: asyncio.StreamReader) -> None:
    loop = asyncio.get_running_loop()
    with suppress(OSError):
        while data := await loop.sock_recv(client, 1 << 16):
            reader.feed_data(data)
    reader.feed_eof()


def head(method: str, target: str, headers: Pairs = (), version: str = "HTTP/1.1") -> bytes:
    """Return a request without a body, with exactly these headers and a Host."""
    lines = [f"{method} {target} {version}", "Host: api.example"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def send(port: int, method: str, target: str, headers: Pairs = ()) -> Response:
    """Send a request without a body on a connection of its own and return the response."""
    async with connected(port) as connection:
        await connection.send(head(method, target, headers))
        return await connection.response(method)
