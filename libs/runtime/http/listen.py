"""Listening: an application on a port, until it is drained."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog
from aiohttp import web

from libs.runtime.clock import SYSTEM_CLOCK
from libs.runtime.failure import StopProcess
from libs.runtime.http.observe import REQUEST_ID, request_id
from libs.runtime.http.problem import of_status, problem_response

# How long the rest of a refused body is thrown away, so that its sender can read the refusal.
_LINGER_S: Final = 1.0
# Gateways pass their clients' headers on; what they let through must not fail here without a decision.
_HEADER_BYTES_MAX: Final = 32 * 1024
_HEADERS_MAX: Final = 256

log = structlog.get_logger(__name__)


class _Protocol(web.RequestHandler):
    """aiohttp's connection, except that a request it cannot even parse gets a problem too."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what no route will see: a broken request line, absurd headers."""
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
    """Serve until the context ends and yield the port; then accept nothing new and let requests finish.

    Those that have not after ``drain_timeout_s`` are cut off. ``reuse_port`` lets several processes share it.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=drain_timeout_s)
    async with _listening(runner, host, port, reuse_port=reuse_port) as bound_port:
        yield bound_port


@asynccontextmanager
async def serve_handler(
    handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
    host: str,
    port: int,
    *,
    drain_timeout_s: float = 5.0,
    reuse_port: bool = False,
) -> AsyncIterator[int]:
    """Serve one handler as ``serve_http`` serves an application, with nothing between it and the parser.

    It stands outside of access rules, access log and metrics, and must do what it needs of these itself.
    """
    runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=drain_timeout_s)
    async with _listening(runner, host, port, reuse_port=reuse_port) as bound_port:
        yield bound_port


@asynccontextmanager
async def _listening(
    runner: web.AppRunner | web.ServerRunner, host: str, port: int, *, reuse_port: bool
) -> AsyncIterator[int]:
    await runner.setup()
    try:
        listener = await _listen(runner, host, port, reuse_port=reuse_port)
        bound_port = int(listener.sockets[0].getsockname()[1])
        log.info("http_listening", host=host, port=bound_port)
        try:
            yield bound_port
        finally:
            listener.close()
    finally:
        await runner.cleanup()


async def _listen(
    runner: web.AppRunner | web.ServerRunner, host: str, port: int, *, reuse_port: bool
) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    server = runner.server
    if server is None:
        raise LookupError("the runner is not set up")
    try:
        return await loop.create_server(
            lambda: _Protocol(
                server,
                loop=loop,
                lingering_time=_LINGER_S,
                # No body is ever unpacked, so none can fail to be, nor grow.
                auto_decompress=False,
                max_line_size=_HEADER_BYTES_MAX,
                max_field_size=_HEADER_BYTES_MAX,
                max_headers=_HEADERS_MAX,
            ),
            host,
            port,
            reuse_port=reuse_port or None,
            backlog=1024,
        )
    except OSError as taken:
        raise StopProcess(f"cannot listen on {host}:{port}: {taken.strerror}") from taken
