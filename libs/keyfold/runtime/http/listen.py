"""Listening: an application serves a port until it is drained."""

import asyncio
import ctypes
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog
from aiohttp import hdrs, web
from aiohttp.http import RawRequestMessage
from aiohttp.web_protocol import RequestPayloadError
from multidict import CIMultiDict, CIMultiDictProxy

from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.failure import StopProcess
from keyfold.runtime.http.observe import REQUEST_ID, request_id
from keyfold.runtime.http.problem import of_status, problem_response
from keyfold.runtime.http.reading.request import CONTINUE

# How long the rest of a refused body is read and dropped, so that its sender can read the refusal.
_LINGER_S: Final = 1.0
# Gateways pass their clients' headers on: a request that they let through must get a decision here.
_HEADER_BYTES_MAX: Final = 32 * 1024
_HEADERS_MAX: Final = 256
_BACKLOG: Final = 1024
_SO_ATTACH_FILTER: Final = 26  # Linux's; socket(7)
_DROP_ALL: Final = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))  # one BPF "return 0"

log = structlog.get_logger(__name__)


class _Protocol(web.RequestHandler):
    """aiohttp's connection, except that a request it cannot parse gets a problem too."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Take data. If it breaks a body, whoever reads the body does not wait for the rest."""
        super().data_received(data)
        request, last = self._current_request, self._messages[-1][0] if self._messages else None
        if request is not None and last is not None and not isinstance(last, RawRequestMessage):
            request.content.set_exception(RequestPayloadError())
            request.content.feed_eof()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that no route will see: with a broken request line or absurd headers."""
        if request.writer.output_size > 0:
            raise ConnectionError("the response has begun; no other can be sent")
        if status >= 500:
            detail = "the fault is ours"
            log.error("request_failed", exc_info=exc)
        else:
            detail = "the request is not acceptable HTTP"
            log.info("http_request_malformed", status=status, reason=type(exc).__name__)
        response = problem_response(of_status(status, detail), "")
        response.headers[REQUEST_ID] = request_id(None, SYSTEM_CLOCK)
        response.force_close()
        return response


@asynccontextmanager
async def serve_http(
    app: web.Application,
    host: str,
    port: int,
    *,
    drain_timeout_s: float = 5.0,
    reuse_port: bool = False,
) -> AsyncIterator[int]:
    """Serve until the context ends, and yield the port; then accept nothing new and let requests finish.

    Requests that take longer than ``drain_timeout_s`` are cut off. ``reuse_port`` lets several processes
    share the port.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=drain_timeout_s)
    await runner.setup()
    try:
        async with listen(_connections(runner), host, port, reuse_port=reuse_port) as bound_port:
            yield bound_port
    finally:
        await runner.cleanup()


def _connections(runner: web.AppRunner) -> Callable[[], _Protocol]:
    server, loop = runner.server, asyncio.get_running_loop()
    if server is None:
        raise LookupError("the runner is not set up")
    request_of = server.request_factory
    server.request_factory = lambda message, *rest: request_of(_isolate(message), *rest)
    return lambda: _Protocol(
        server,
        loop=loop,
        lingering_time=_LINGER_S,
        # No body is ever decompressed, so none can fail to, or grow.
        auto_decompress=False,
        max_line_size=_HEADER_BYTES_MAX,
        max_field_size=_HEADER_BYTES_MAX,
        max_headers=_HEADERS_MAX,
    )


def _isolate(message: RawRequestMessage) -> RawRequestMessage:
    """Return a request's head, changed so that no part of its body can be taken for another request."""
    expected = message.headers.get(hdrs.EXPECT)
    if not message.chunked and expected is None:
        return message
    # aiohttp takes the last trailer of a chunked body for the head of the next request; and a client that
    # waits to be asked for a body may send something else instead. So the connection is closed afterwards.
    message = message._replace(should_close=True)
    if expected is None or expected.lower() == CONTINUE:
        return message
    # aiohttp would answer an expectation that it does not know. Emptied, it reaches us, and we refuse it.
    headers = CIMultiDict(message.headers)
    headers[hdrs.EXPECT] = ""
    return message._replace(headers=CIMultiDictProxy(headers))


@asynccontextmanager
async def listen(
    protocol: Callable[[], asyncio.BaseProtocol], host: str, port: int, *, reuse_port: bool = False
) -> AsyncIterator[int]:
    """Accept connections until the context ends, and yield the port. Raises StopProcess if it is taken.

    Clients that have connected by the end are still served. ``reuse_port`` lets several processes share it.
    """
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(
            protocol, host, port, reuse_port=reuse_port or None, backlog=_BACKLOG
        )
    except OSError as taken:
        raise StopProcess(
            f"cannot listen on {host}:{port} (KEYFOLD_HTTP_HOST): {taken.strerror or taken}"
        ) from taken
    bound_port = int(server.sockets[0].getsockname()[1])
    log.info("http_listening", host=host, port=bound_port)
    try:
        yield bound_port
    finally:
        for waiting in _close(server):
            await loop.connect_accepted_socket(protocol, waiting)


def _close(server: asyncio.Server) -> list[socket.socket]:
    """Close, and return the connections not accepted yet: the kernel would cut them off."""
    doors = [socket.socket(fileno=os.dup(each.fileno())) for each in server.sockets]
    server.close()
    waiting: list[socket.socket] = []
    for door in doors:
        _drop_new(door)
        with door, suppress(OSError):
            door.setblocking(False)
            while True:
                came, _ = door.accept()
                came.setblocking(False)
                waiting.append(came)
    return waiting


def _drop_new(door: socket.socket) -> None:
    # From here on the kernel drops a SYN, rather than accept a connection that the close would cut off. The
    # client sends it again a second later, when it is refused or another process takes it. Systems other than
    # Linux cannot do this: there a connection in this very moment is cut off.
    with suppress(OSError):
        program = struct.pack("HP", 1, ctypes.addressof(_DROP_ALL))
        door.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
