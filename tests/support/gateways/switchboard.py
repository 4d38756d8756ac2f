"""The two addresses at which gateways ask gatekeepers, and what is behind them now."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from keyfold.local.process.ports import HOST, free_ports

HANGS: Final = 0
"""A target that accepts connections and never answers."""
READ_BYTES: Final = 1 << 16


@dataclass(slots=True, kw_only=True)
class Line:
    """One address; `target` is the port behind it, or HANGS. `asked_bytes` counts what was sent there."""

    port: int
    target: int = HANGS
    asked_bytes: int = 0
    _server: asyncio.Server | None = None
    _writers: set[StreamWriter] = field(default_factory=set)

    async def connect(self, target: int) -> None:
        """Put another target behind the address, and close connections to the one before."""
        self._cut()
        self.target = target
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, HOST, self.port)

    def disconnect(self) -> None:
        """Refuse connections, as an address does at which no process listens."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._cut()

    def _cut(self) -> None:
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._writers.add(writer)
        if self.target == HANGS:
            return
        try:
            behind_reader, behind_writer = await asyncio.open_connection(HOST, self.target)
        except OSError:
            writer.close()
            return
        self._writers.add(behind_writer)
        await asyncio.gather(
            self._carry(reader, behind_writer, is_question=True),
            self._carry(behind_reader, writer, is_question=False),
        )

    async def _carry(self, reader: StreamReader, writer: StreamWriter, *, is_question: bool) -> None:
        try:
            while data := await reader.read(READ_BYTES):
                if is_question:
                    self.asked_bytes += len(data)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


@dataclass(frozen=True, slots=True)
class Switchboard:
    """Both addresses."""

    lines: Sequence[Line]

    @property
    def ports(self) -> list[int]:
        """The ports at which gateways ask."""
        return [line.port for line in self.lines]

    @property
    def asked_bytes(self) -> int:
        """How many bytes gateways have sent to gatekeepers."""
        return sum(line.asked_bytes for line in self.lines)

    async def connect(self, *targets: int) -> None:
        """Put these targets behind the addresses, in turn."""
        for index, line in enumerate(self.lines):
            await line.connect(targets[index % len(targets)])

    def disconnect(self) -> None:
        """Refuse connections at both addresses."""
        for line in self.lines:
            line.disconnect()


@asynccontextmanager
async def switchboard_running() -> AsyncIterator[Switchboard]:
    """Yield a switchboard with nothing behind it."""
    switchboard = Switchboard([Line(port=port) for port in free_ports(2)])
    try:
        yield switchboard
    finally:
        switchboard.disconnect()
