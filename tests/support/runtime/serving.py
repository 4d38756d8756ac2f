"""A real server with a route table, and a client that calls it, with raw bytes too."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from keyfold.runtime.auth.caller import Caller, Role, TokenRejected
from keyfold.runtime.health import Health
from keyfold.runtime.http import AnyRoute, RateLimits, build_app, serve_http
from keyfold.runtime.sharing.timeouts import DEFAULT_TIMEOUTS, Timeouts
from tests.support.runtime.tokens import SetClock

CALLERS = {
    "operator": Caller(role=Role.OPERATOR, sub="ada"),
    "reviewer": Caller(role=Role.REVIEWER, sub="rex"),
    "gateway": Caller(role=Role.GATEWAY, sub="gate"),
    "owner-1": Caller(role=Role.OWNER, sub="otto", account_id="acc_1"),
    "owner-2": Caller(role=Role.OWNER, sub="olga", account_id="acc_2"),
    "vendor-1": Caller(role=Role.VENDOR, sub="vera", vendor_id="ven_1"),
    "vendor-2": Caller(role=Role.VENDOR, sub="vito", vendor_id="ven_2"),
    "no-role": Caller(role=None, sub="nemo"),
    "vendor-new": Caller(role=Role.VENDOR, sub="nora"),
    "otto": Caller(role=Role.OWNER, sub="otto", account_id="acc_1"),
    "otto-of-2": Caller(role=Role.OWNER, sub="otto", account_id="acc_2"),
    "slash": Caller(role=Role.OWNER, sub="a/b", account_id="c"),
    "slash-moved": Caller(role=Role.OWNER, sub="a", account_id="b/c"),
}


class NamedCallers:
    """Accepts the names above as tokens: real tokens have their own tests."""

    async def authenticate(self, authorization: str | None) -> Caller | TokenRejected:
        name = (authorization or "").removeprefix("Bearer ")
        return CALLERS.get(name, TokenRejected(detail="nobody's token"))


@dataclass(frozen=True, slots=True)
class Client:
    """Calls the server under test."""

    session: aiohttp.ClientSession
    port: int
    health: Health

    async def status(self, method: str, path: str, token: str | None = "operator") -> int:
        """Send a request; return only the answer's status."""
        async with self.ask(method, path, token=token) as response:
            return response.status

    def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = "operator",
        data: bytes | str | None = None,
        headers: dict[str, str] | None = None,
    ) -> aiohttp.client._RequestContextManager:
        sent = {"Content-Type": "application/json"} if data is not None else {}
        sent |= {"Authorization": f"Bearer {token}"} if token else {}
        url = f"http://127.0.0.1:{self.port}"
        return self.session.request(method, url + path, data=data, headers={**sent, **(headers or {})})

    async def raw(self, request: bytes) -> bytes:
        """Send bytes unchanged; return everything that comes back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            async with asyncio.timeout(5):
                return await reader.read()
        finally:
            writer.close()

    async def raw_in_turn(self, first: bytes, second: bytes) -> bytes:
        """Send the second once the first is answered; return everything that comes back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        answered = b""
        try:
            async with asyncio.timeout(5):
                writer.write(first)
                answered = await reader.readuntil(b"\r\n\r\n")
                writer.write(second)
                return answered + await reader.read()
        except ConnectionError:
            return answered
        finally:
            writer.close()


@asynccontextmanager
async def serving(
    routes: Sequence[AnyRoute],
    clock: SetClock | None = None,
    limits: RateLimits | None = None,
    *,
    connections_max: int = 1024,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
) -> AsyncIterator[Client]:
    """Serve the routes on a free port of this machine."""
    health = Health()
    app = build_app(
        "test",
        routes,
        auth=NamedCallers(),
        health=health,
        clock=clock or SetClock(),
        limits=limits or RateLimits(commands_max=0, failures_max=0),
    )
    async with (
        serve_http(
            app, "127.0.0.1", 0, drain_timeout_s=1, connections_max=connections_max, timeouts=timeouts
        ) as port,
        aiohttp.ClientSession() as session,
    ):
        yield Client(session, port, health)


async def until(holds: Callable[[], bool], timeout_s: float = 5.0) -> None:
    """Wait until the condition holds, at most ``timeout_s``."""
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110 (what is waited for happens outside this loop's reach)
            await asyncio.sleep(0.01)
