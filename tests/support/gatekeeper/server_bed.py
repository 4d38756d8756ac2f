"""An authz server on a real port, with a clock that the test sets, and clients that send it bytes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keyfold.gatekeeper.authz.connection import AuthzConnection
from keyfold.gatekeeper.authz.server import AuthzServer
from keyfold.gatekeeper.replica.lease import Beat
from keyfold.runtime.http.listen import listen
from tests.support.eventually import eventually
from tests.support.gatekeeper.answered import Answered
from tests.support.gatekeeper.heart import TOKEN, Heart, heart_in
from tests.support.gatekeeper.practice import KEY, VENDOR_KEY

HOST: Final = "127.0.0.1"
WITHIN_S: Final = 20.0
TOKEN_LINE: Final = f"X-Gateway-Token: {TOKEN}"
KEY_LINES: Final = (f"x-api-key: {VENDOR_KEY.secret}", f"A-api-key: {KEY.secret}")


def request(
    *more: str,
    method: str = "GET",
    path: str = "/v1/patient",
    version: str = "1.1",
    own: Sequence[str] = (TOKEN_LINE, *KEY_LINES),
    body: bytes = b"",
) -> bytes:
    """Return the bytes of a question about a path, with a token and both keys unless `own` says otherwise."""
    lines = [f"{method} /authz{path} HTTP/{version}", "Host: h", *own, *more, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


@dataclass(frozen=True, slots=True)
class Client:
    """One connection to the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, *requests: bytes) -> Answered:
        """Send all of that at once, and return the first answer."""
        self.writer.write(b"".join(requests))
        return await self.answer()

    async def answer(self, *, has_body: bool = True) -> Answered:
        """Return the next answer."""
        async with asyncio.timeout(WITHIN_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines)
            length = int(headers["Content-Length"]) if has_body else 0
            body = await self.reader.readexactly(length)
        return Answered(status=int(first.split(" ")[1]), headers=headers, body=body)

    async def rest(self) -> bytes:
        """Return everything until the server ends the connection."""
        async with asyncio.timeout(WITHIN_S):
            return await self.reader.read()

    async def statuses(self) -> list[int]:
        """Return the statuses of all answers until the server ends the connection."""
        text = await self.rest()
        return [int(part[:3]) for part in text.split(b"HTTP/1.1 ")[1:]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """An authz server, the state that it answers from, and its address."""

    heart: Heart
    server: AuthzServer
    port: int

    @asynccontextmanager
    async def client(self, *, limit_bytes: int = 1 << 16) -> AsyncIterator[Client]:
        """Connect; what is not asked for is read ahead up to about that limit."""
        reader, writer = await asyncio.open_connection(HOST, self.port, limit=limit_bytes)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def exchange(self, sent: bytes) -> list[int]:
        """Send bytes and end the sending; return the statuses of all answers."""
        async with self.client() as client:
            client.writer.write(sent)
            client.writer.write_eof()
            return await client.statuses()

    def later(self, seconds: float) -> None:
        """Let time pass, and the server notice it; the lease is kept."""
        self.heart.clock.seconds += seconds
        position = self.heart.replica.position
        self.heart.lease.beat(Beat(began_s=self.heart.clock.seconds, head=position), position)
        self.server.tick()

    async def holds(self, count: int) -> None:
        """Return when this many connections are open."""

        async def is_so() -> bool:
            return len(self.server.connections) == count

        await eventually(is_so)


class Narrow(AuthzConnection):
    """A connection with small buffers in the kernel, so that answers soon wait for their reader."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        super().connection_made(transport)


@asynccontextmanager
async def serve_in(
    root: Path, *, connections_max: int = 100, kind: type[AuthzConnection] = AuthzConnection
) -> AsyncIterator[Bed]:
    """Serve an authz server over a practice."""
    with heart_in(root) as heart:
        server = AuthzServer(heart.authz, heart.clock, connections_max=connections_max)
        async with listen(lambda: kind(server), HOST, 0) as port:
            yield Bed(heart=heart, server=server, port=port)
        for connection in list(server.connections):
            connection.abort()
        bed = Bed(heart=heart, server=server, port=port)
        await bed.holds(0)
