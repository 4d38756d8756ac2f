"""The authz server: gateways ask over HTTP/1.1, with nothing between the parser and the decision."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import Final

import structlog

from keyfold.gatekeeper.authz.authorizer import Authz
from keyfold.gatekeeper.authz.connection import OWN_FIELDS, AuthzConnection
from keyfold.gatekeeper.authz.request.headers import FieldNames
from keyfold.gatekeeper.settings import GatekeeperSettings
from keyfold.runtime.clock import Clock
from keyfold.runtime.http.listen import listen
from keyfold.runtime.sharing.connection_budget import ConnectionBudget
from keyfold.runtime.sharing.timeouts import DEFAULT_TIMEOUTS, Timeouts

LINGER_S: Final = 2.0
"""How long what still comes after the last answer is discarded, so that the answer can be read."""

UNREAD_TIMEOUT_S: Final = 10.0
"""How long answers may wait for their reader: a gateway reads at once."""

GRACE_S: Final = 1.0
"""How long a request may still be on its way once the drain begins."""

_TICK_S: Final = 0.5
_DRAIN_POLL_S: Final = 0.02

log = structlog.get_logger(__name__)


class AuthzServer:
    """All connections of gateways, and the clock of their time-outs: coarse, because it is read often."""

    def __init__(
        self, authz: Authz, clock: Clock, *, connections_max: int, timeouts: Timeouts = DEFAULT_TIMEOUTS
    ) -> None:
        self.authz = authz
        self.field_names = FieldNames((*authz.field_names, *OWN_FIELDS))
        self.now_s = clock.monotonic_s()
        self.is_draining = False
        self.kept_alive = self.given_up = ""
        self._clock = clock
        self.budget = ConnectionBudget("authz", connections_max)
        self._timeouts = timeouts
        self._read_clock()

    @property
    def connections(self) -> list[AuthzConnection]:
        """The open connections."""
        return [each for each in self.budget if isinstance(each, AuthzConnection)]

    async def watch(self) -> None:
        """Close connections that stay idle or take too long, until cancelled."""
        while True:
            await asyncio.sleep(_TICK_S)
            self.tick()

    def tick(self) -> None:
        """Read the clock and close the connections whose time is up."""
        self._read_clock()
        for connection in self.connections:
            self._check(connection)

    def _read_clock(self) -> None:
        self.now_s = self._clock.monotonic_s()
        head = f"Server: keyfold\r\nDate: {formatdate(self._clock.now().timestamp(), usegmt=True)}\r\n"
        self.kept_alive = f"{head}Connection: keep-alive\r\n"
        self.given_up = f"{head}Connection: close\r\n"

    def _check(self, connection: AuthzConnection) -> None:
        waited_s = self.now_s - connection.began_s
        if connection.is_over:
            if waited_s > LINGER_S:
                connection.abort()
        elif connection.is_unread:
            if waited_s > UNREAD_TIMEOUT_S:
                connection.abort()
        elif connection.is_arriving:
            if waited_s > self._timeouts.head_s:
                connection.refuse(408)
        elif waited_s > self._idle_s(connection):
            connection.close()

    def _idle_s(self, connection: AuthzConnection) -> float:
        if self.is_draining:
            return GRACE_S
        return self._timeouts.idle_s if connection.was_asked else self._timeouts.first_byte_s

    def begin_to_drain(self) -> None:
        """Let the questions that are asked or on their way be the last of each connection."""
        self.is_draining = True
        self._read_clock()
        for connection in self.connections:
            connection.drain()

    async def drain(self, timeout_s: float) -> None:
        """Wait until all connections are closed; cut off those that are still open after `timeout_s`."""
        self.begin_to_drain()
        try:
            async with asyncio.timeout(timeout_s):
                while len(self.budget):  # noqa: ASYNC110 (what is waited for happens in the transports)
                    await asyncio.sleep(_DRAIN_POLL_S)
        except TimeoutError:
            log.warning("connections_cut_off", connections=len(self.budget))
            for connection in self.connections:
                connection.abort()


@asynccontextmanager
async def serve_gateways(server: AuthzServer, settings: GatekeeperSettings, port: int) -> AsyncIterator[int]:
    """Answer gateways until the context ends, and yield the port; then accept nothing new, and drain.

    Raises StopProcess if the port is taken.
    """
    reuse_port = settings.authz_reuse_port
    async with listen(
        lambda: AuthzConnection(server), settings.http_host, port, reuse_port=reuse_port
    ) as bound:
        yield bound
    await server.drain(settings.drain_timeout_s)
