"""A keep-alive connection without a client's machinery, so that the server is what is timed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple, cast

from keyfold.local.process.ports import HOST
from keyfold.runtime.clock import SYSTEM_CLOCK

LOST = 0
"""The status of an answer that never came, as the connection ended."""

_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"


class Answered(NamedTuple):
    """A complete answer, which was there at `at_s` (monotonic)."""

    status: int
    body: bytes
    at_s: float


class Exchange(asyncio.Protocol):
    """Asks one question at a time, and hands each answer on the moment it is complete."""

    def __init__(self, on_answer: Callable[[Exchange, Answered], None]) -> None:
        self._on_answer = on_answer
        self._transport: asyncio.Transport | None = None
        self._come = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready to ask."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand the answer on, if this completes it."""
        self._come += data
        answered = whole(self._come)
        if answered is not None:
            self._come = b""
            self._on_answer(self, answered)

    def connection_lost(self, exc: Exception | None) -> None:
        """Report it, unless this side closed the connection."""
        if self._transport is not None:
            self._transport = None
            self._on_answer(self, Answered(LOST, b"", SYSTEM_CLOCK.monotonic_s()))

    def ask(self, request: bytes) -> None:
        """Send a question; its answer goes to whoever made the connection."""
        assert self._transport is not None
        self._transport.write(request)

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            transport, self._transport = self._transport, None
            transport.close()


class Asker:
    """Waits for one answer after another over its own exchange."""

    def __init__(self) -> None:
        self._awaited: asyncio.Future[Answered] | None = None
        self.exchange = Exchange(self._hand_on)

    async def ask(self, request: bytes) -> Answered:
        """Return the answer, timed when it came, not when this returns."""
        self._awaited = asyncio.get_running_loop().create_future()
        self.exchange.ask(request)
        return await self._awaited

    def _hand_on(self, _exchange: Exchange, answered: Answered) -> None:
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(answered)


@asynccontextmanager
async def open_asker(port: int) -> AsyncIterator[Asker]:
    """Yield a connected one. Raises OSError."""
    asker = Asker()
    await asyncio.get_running_loop().create_connection(lambda: asker.exchange, HOST, port)
    try:
        yield asker
    finally:
        asker.exchange.close()


def whole(data: bytes) -> Answered | None:
    """Return the answer, if it is complete."""
    end = data.find(_END)
    if end < 0:
        return None
    _, found, rest = data[: end + 2].lower().partition(_LENGTH)
    body = data[end + len(_END) :]
    if found and len(body) < int(rest[: rest.index(b"\r")]):
        return None
    return Answered(int(data[9:12]), body, SYSTEM_CLOCK.monotonic_s())
