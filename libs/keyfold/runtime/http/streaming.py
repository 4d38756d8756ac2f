"""Streamed answers: written bit by bit at the reader's pace, and either complete or visibly cut off."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

import structlog
from aiohttp import ClientConnectionResetError, HttpVersion11, web

from keyfold.runtime import metrics
from keyfold.runtime.sharing.timeouts import DEFAULT_TIMEOUTS, Timeouts

LOOK_INTERVAL_S: Final = 0.25
_RESET_AT_CLOSE: Final = struct.pack("ii", 1, 0)

STREAMED: Final = metrics.counter(
    "keyfold_http_streams_total",
    "Answers that were written bit by bit, by how they ended: whole, gone (the reader) or failed (cut off).",
    ("route", "ending"),
)

IS_STREAMED: Final = web.RequestKey("is_streamed", bool)

log = structlog.get_logger(__name__)


class StreamFailed(ClientConnectionResetError):
    """A streamed answer failed after it had begun: the connection is closed without the last chunk."""


class Writer:
    """Writes a streamed answer; the answer begins with the first bytes."""

    def __init__(self, raw: web.Request, response: web.StreamResponse, stall_max_s: float) -> None:
        self._raw = raw
        self._response = response
        self._stall_max_s = stall_max_s

    @property
    def has_begun(self) -> bool:
        """Whether the status and headers were sent, so that no other answer can be given."""
        return self._response.prepared

    async def write(self, content: bytes) -> None:
        """Write bytes, and return when the reader is ready for more. Raises if it is gone."""
        await self._response.prepare(self._raw)
        async with _in_time(self._stall_max_s):
            await self._response.write(content)

    async def end(self) -> None:
        """Write the last chunk, without which the answer is incomplete."""
        await self._response.prepare(self._raw)
        async with _in_time(self._stall_max_s):
            await self._response.write_eof()


@asynccontextmanager
async def _in_time(limit_s: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError:
        raise ClientConnectionResetError(f"nothing was read for {limit_s:g} s") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """An answer whose body `write` writes. What it raises before the first bytes becomes a problem as usual.

    An `endless` one is ended, with its last chunk, when the process stops, the caller's token expires or is
    believed no more, or its login is no longer bound as it was. `stall_max_s` is how long its reader may read
    nothing before it counts as gone; by default as long as any answer of the port may be unread.
    """

    write: Callable[[Writer], Awaitable[None]]
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    endless: bool = False
    stall_max_s: float | None = None


async def stream(
    raw: web.Request,
    streamed: Streamed,
    headers: Mapping[str, str],
    *,
    draining: asyncio.Event,
    expires_in_s: float | None,
    turned_away: Callable[[], Coroutine[None, None, None]] | None = None,
) -> web.StreamResponse:
    """Write the answer to its end and return it. An endless one also ends when `turned_away` returns.

    Raises what is raised before the answer begins. Afterwards it raises StreamFailed for a failure of ours,
    and ClientConnectionResetError if the reader left; either stops the writing at once.
    """
    raw[IS_STREAMED] = True
    response = web.StreamResponse(headers={**headers, **streamed.headers})
    response.headers["Content-Type"] = streamed.content_type
    if raw.method == "HEAD":
        return response
    writer = Writer(raw, response, streamed.stall_max_s or _timeouts_of(raw).unread_s)
    ends_in_s = expires_in_s if streamed.endless else None
    ends = (
        [_until_set(draining), *([] if turned_away is None else [turned_away()])] if streamed.endless else []
    )
    try:
        await _write(raw, streamed, writer, ends, ends_in_s)
        await writer.end()
    except Exception as error:
        if _is_gone(raw) or isinstance(error, ClientConnectionResetError):
            _count(raw, "gone")
            _abort(raw)
            raise ClientConnectionResetError("the reader has left") from error
        if not writer.has_begun:
            raise
        _count(raw, "failed")
        _cut_off(raw)
        log.error("stream_cut_off", exc_info=error)
        raise StreamFailed("the answer cannot be ended") from error
    _count(raw, "whole")
    return response


@runtime_checkable
class _TimedConnection(Protocol):
    timeouts: Timeouts


def _timeouts_of(raw: web.Request) -> Timeouts:
    return raw.protocol.timeouts if isinstance(raw.protocol, _TimedConnection) else DEFAULT_TIMEOUTS


async def _write(
    raw: web.Request,
    streamed: Streamed,
    writer: Writer,
    ends: Sequence[Coroutine[None, None, None]],
    ends_in_s: float | None,
) -> None:
    writing = asyncio.create_task(_write_body(streamed, writer))
    watching = [asyncio.create_task(each) for each in (_until_gone(raw), *ends)]
    try:
        await asyncio.wait([writing, *watching], timeout=ends_in_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (writing, *watching):
            task.cancel()
        await asyncio.wait([writing, *watching])
    if _is_gone(raw):
        raise ClientConnectionResetError("the reader has left")
    if not writing.cancelled() and (error := writing.exception()) is not None:
        raise error


async def _write_body(streamed: Streamed, writer: Writer) -> None:
    await streamed.write(writer)


async def _until_set(event: asyncio.Event) -> None:
    await event.wait()


async def _until_gone(raw: web.Request) -> None:
    """Return when the reader has hung up, even while there is nothing to write."""
    while not _is_gone(raw):  # noqa: ASYNC110 - aiohttp tells nobody when a connection is lost
        await asyncio.sleep(LOOK_INTERVAL_S)


def _is_gone(raw: web.Request) -> bool:
    return raw.transport is None or raw.transport.is_closing()


def _abort(raw: web.Request) -> None:
    """Close the connection without waiting for the reader to take what was written."""
    if raw.transport is not None:
        raw.transport.abort()


def _cut_off(raw: web.Request) -> None:
    """Make sure that the answer does not look complete: in HTTP/1.0 a closed connection is its end."""
    connected = None if raw.transport is None else raw.transport.get_extra_info("socket")
    if raw.version < HttpVersion11 and connected is not None:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)


def _count(raw: web.Request, ending: str) -> None:
    resource = raw.match_info.route.resource
    STREAMED.labels(resource.canonical if resource else "unmatched", ending).inc()
