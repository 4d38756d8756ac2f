"""A proxy between a process and a server that cuts connections in the middle of what is sent."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto

from keyfold.local.process.ports import HOST

CHUNK_BYTES = 1 << 16
CUT_WITHIN_S = 30.0


class Towards(Enum):
    """The direction of bytes."""

    SERVER = auto()
    CLIENT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Cuts a connection this many bytes after the client has sent that, or after anything, on that way."""

    towards: Towards
    said: bytes = b""
    bytes_more: int = 0


@dataclass(slots=True, eq=False)
class _Line:
    """A client's connection, and the connection to the server that belongs to it."""

    writers: tuple[StreamWriter, StreamWriter]
    bytes_left: int | None = None

    def cut(self) -> None:
        for each in self.writers:
            each.transport.abort()


@dataclass(slots=True, kw_only=True)
class Proxy:
    """Passes everything on, except what a cut stops."""

    server_port: int
    cuts: int = 0
    _cut: Cut | None = None
    _was_cut: asyncio.Event = field(default_factory=asyncio.Event)
    _lines: set[_Line] = field(default_factory=set)

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[None]:
        """Accept clients at a port during the block."""
        server = await asyncio.start_server(self._serve, HOST, port, limit=CHUNK_BYTES)
        try:
            yield
        finally:
            server.close()
            for each in list(self._lines):
                each.cut()
            await server.wait_closed()

    async def cut(self, cut: Cut) -> None:
        """Return when a connection has been cut in that way."""
        for each in self._lines:
            each.bytes_left = None
        self._was_cut.clear()
        self._cut = cut
        async with asyncio.timeout(CUT_WITHIN_S):
            await self._was_cut.wait()

    async def _serve(self, from_client: StreamReader, to_client: StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection(HOST, self.server_port)
        except OSError:
            to_client.transport.abort()
            return
        line = _Line((to_client, to_server))
        self._lines.add(line)
        await asyncio.gather(
            self._pass_on(line, from_client, to_server, Towards.SERVER),
            self._pass_on(line, from_server, to_client, Towards.CLIENT),
        )
        self._lines.remove(line)

    async def _pass_on(self, line: _Line, source: StreamReader, sink: StreamWriter, towards: Towards) -> None:
        with suppress(OSError):
            while data := await source.read(CHUNK_BYTES):
                passed = self._passed(line, data, towards)
                sink.write(data[:passed])
                await sink.drain()
                if passed < len(data):
                    self._cut = None
                    self.cuts += 1
                    self._was_cut.set()
                    break
        line.cut()

    def _passed(self, line: _Line, data: bytes, towards: Towards) -> int:
        """Return how many of these bytes may pass; if fewer than all, the connection is cut after them."""
        cut, start = self._cut, 0
        if cut is None:
            return len(data)
        if line.bytes_left is None:
            if cut.said and (towards is not Towards.SERVER or cut.said not in data):
                return len(data)
            line.bytes_left = cut.bytes_more
            start = data.index(cut.said) + len(cut.said) if towards is cut.towards else 0
        if towards is not cut.towards:
            return len(data)
        passed = min(len(data), start + line.bytes_left)
        line.bytes_left -= passed - start
        return passed
