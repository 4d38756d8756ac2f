"""One connection of a service's port: aiohttp's, with bounds in time, and a place that it may lose."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import StreamReader, web
from aiohttp.http import RawRequestMessage
from aiohttp.web_protocol import RequestPayloadError

from keyfold.runtime.auth.caller import Caller
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.http.observe import REQUEST_ID, request_id
from keyfold.runtime.http.problem import of_status, problem_response
from keyfold.runtime.http.reading.request import BodyTooSlow
from keyfold.runtime.http.streaming import IS_STREAMED
from keyfold.runtime.sharing.connection_budget import ConnectionBudget
from keyfold.runtime.sharing.hosts import name_peer
from keyfold.runtime.sharing.timeouts import Timeouts

# How long the rest of a refused body is read and dropped, so that its sender can read the refusal.
_LINGER_S: Final = 1.0
# Gateways pass their clients' headers on: a request that they let through must get a decision here.
_HEADER_BYTES_MAX: Final = 32 * 1024
_HEADERS_MAX: Final = 256
_TOO_SLOW: Final = (
    b"HTTP/1.1 408 Request Timeout\r\nServer: keyfold\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)

log = structlog.get_logger(__name__)


class HttpConnection(web.RequestHandler):
    """aiohttp's connection, with the time-outs that it lacks, and a problem for a request it cannot parse.

    What is measured in time is the loop's own; `check` is called again and again.
    """

    __slots__ = (
        "_arrived_s",
        "_budget",
        "_came_s",
        "_head_began_s",
        "_heads",
        "_open_transport",
        "_payload",
        "_unread",
        "timeouts",
    )

    def __init__(self, server: web.Server, budget: ConnectionBudget, timeouts: Timeouts) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            lingering_time=_LINGER_S,
            keepalive_timeout=timeouts.idle_s,
            # No body is ever decompressed, so none can fail to, or grow.
            auto_decompress=False,
            max_line_size=_HEADER_BYTES_MAX,
            max_field_size=_HEADER_BYTES_MAX,
            max_headers=_HEADERS_MAX,
        )
        self._budget = budget
        self.timeouts = timeouts
        self._open_transport: asyncio.Transport | None = None
        self._came_s = self._arrived_s = self._loop.time()
        self._head_began_s: float | None = None
        self._payload: StreamReader | None = None
        self._heads = 0
        self._unread: tuple[float, int] | None = None

    @property
    def used_s(self) -> float:
        """When the last head arrived, or the connection itself."""
        return self._arrived_s

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        return self._current_request is not None

    def recognise(self, tenant: str) -> None:
        """Note that a valid token of this tenant came on this connection."""
        self._budget.recognise(self, tenant)

    def displace(self) -> None:
        """Close at once, whatever is under way."""
        if self._open_transport is not None:
            self._open_transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, in place of another connection if there are too many."""
        super().connection_made(transport)
        self._open_transport = self.transport
        self._budget.admit(self, name_peer(transport))

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give the place back."""
        self._budget.release(self)
        self._open_transport = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take data. If it breaks a body, whoever reads the body does not wait for the rest."""
        super().data_received(data)
        if self._request_count > self._heads and self._messages:
            self._heads, self._payload = self._request_count, self._messages[-1][1]
            self._arrived_s, self._head_began_s = self._loop.time(), None
        elif data and self._head_began_s is None and not self._is_body_due:
            self._head_began_s = self._loop.time()
        request, last = self._current_request, self._messages[-1][0] if self._messages else None
        if request is not None and last is not None and not isinstance(last, RawRequestMessage):
            request.content.set_exception(RequestPayloadError())
            request.content.feed_eof()

    async def _handle_request(
        self,
        request: web.BaseRequest,
        start_time: float | None,
        request_handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
    ) -> tuple[web.StreamResponse, bool]:
        """Handle a request. Between those that came at once, other connections have their turn."""
        if self._messages:
            await asyncio.sleep(0)
        return await super()._handle_request(request, start_time, request_handler)

    @property
    def _is_body_due(self) -> bool:
        return self._payload is not None and not self._payload.is_eof()

    def check(self, now_s: float) -> None:
        """End what has taken too long by now: a head, a body, the wait for either, or for a reader."""
        transport, timeouts = self._open_transport, self.timeouts
        if transport is None:
            return
        if self._is_unread_for_too_long(transport, now_s):
            transport.abort()
        elif transport.is_closing():
            return
        elif self._current_request is not None:
            if self._is_body_due and now_s - self._arrived_s > timeouts.body_s:
                self._refuse_body()
        elif self._head_began_s is not None:
            if now_s - self._head_began_s > timeouts.head_s:
                transport.write(_TOO_SLOW)
                self.force_close()
        elif not self._heads and now_s - self._came_s > timeouts.first_byte_s:
            self.force_close()

    def _refuse_body(self) -> None:
        payload = self._payload
        if payload is not None:
            self.close()  # after the answer
            payload.set_exception(BodyTooSlow())
            payload.feed_eof()

    def _is_unread_for_too_long(self, transport: asyncio.Transport, now_s: float) -> bool:
        """Tell whether an answer had no reader for too long; a streamed one is bounded as it is written."""
        request = self._current_request
        is_streaming = request is not None and IS_STREAMED in request and not transport.is_closing()
        if is_streaming or transport.get_write_buffer_size() == 0:
            self._unread = None
        elif self._unread is None or self._unread[1] != self._heads:
            self._unread = (now_s, self._heads)
        return self._unread is not None and now_s - self._unread[0] > self.timeouts.unread_s

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


def recognise_caller(raw: web.BaseRequest, caller: Caller) -> None:
    """Note on a request's connection whose valid token came."""
    recognise_tenant(raw, caller.tenant)


def recognise_tenant(raw: web.BaseRequest, tenant: str) -> None:
    """Note on a request's connection that somebody proved to belong to this tenant."""
    if isinstance(raw.protocol, HttpConnection):
        raw.protocol.recognise(tenant)
