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
from multidict import CIMultiDict, CIMultiDictProxy

from keyfold.runtime.failure import StopProcess
from keyfold.runtime.http.connection import HttpConnection
from keyfold.runtime.http.reading.request import CONTINUE
from keyfold.runtime.sharing.connection_budget import ConnectionBudget
from keyfold.runtime.sharing.timeouts import DEFAULT_TIMEOUTS, Timeouts

_TICK_S: Final = 0.5
_BACKLOG: Final = 1024
_SO_ATTACH_FILTER: Final = 26  # Linux's; socket(7)
_DROP_ALL: Final = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))  # one BPF "return 0"

log = structlog.get_logger(__name__)


@asynccontextmanager
async def serve_http(
    app: web.Application,
    host: str,
    port: int,
    *,
    drain_timeout_s: float = 5.0,
    reuse_port: bool = False,
    connections_max: int = 1024,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
) -> AsyncIterator[int]:
    """Serve until the context ends, and yield the port; then accept nothing new and let requests finish.

    Requests that take longer than ``drain_timeout_s`` are cut off. ``reuse_port`` lets several processes
    share the port.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=drain_timeout_s)
    await runner.setup()
    budget = ConnectionBudget("http", connections_max)
    checking = asyncio.create_task(_check_times(budget), name="http time-outs")
    try:
        connection = _connections(runner, budget, timeouts)
        async with listen(connection, host, port, reuse_port=reuse_port) as bound_port:
            yield bound_port
    finally:
        await runner.cleanup()
        checking.cancel()


async def _check_times(budget: ConnectionBudget) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_TICK_S)
        now_s = loop.time()
        for each in budget:
            if isinstance(each, HttpConnection):
                each.check(now_s)


def _connections(
    runner: web.AppRunner, budget: ConnectionBudget, timeouts: Timeouts
) -> Callable[[], HttpConnection]:
    server = runner.server
    if server is None:
        raise LookupError("the runner is not set up")
    request_of = server.request_factory
    server.request_factory = lambda message, *rest: request_of(_isolate(message), *rest)
    return lambda: HttpConnection(server, budget, timeouts)


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
