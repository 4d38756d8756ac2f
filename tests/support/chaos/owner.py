"""An owner who makes keys, uses and revokes them, again and again, whatever is killed meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import aiohttp
import orjson

from keyfold.local.signing import Claims, LocalSigner
from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.support.chaos.faults.wire import Connection, Cut
from tests.support.chaos.stack import ChaosStack
from tests.support.chaos.traffic import Traffic
from tests.support.eventually import eventually

OPERATOR = Claims(role="operator", sub="olivia")
ANSWER_WITHIN_S = 15.0
ACCOUNT_INTERVAL_S = 0.1
CYCLE_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A command that was answered with 2xx: its request id, and what its event must be."""

    request_id: str
    stream: str
    type: str


@dataclass(slots=True, kw_only=True)
class Owner:
    """Sends one command after another; `sent` has every request id, `done` those answered with 2xx."""

    stack: ChaosStack
    traffic: Traffic
    session: aiohttp.ClientSession
    sent: set[str] = field(default_factory=set)
    done: list[Done] = field(default_factory=list)
    cycles: int = 0
    wrong: list[str] = field(default_factory=list)
    _known: int = 0
    _working: asyncio.Task[None] | None = None
    _numbers: count[int] = field(default_factory=lambda: count(1))

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Make, use and revoke keys during the block; what has begun is finished."""
        over = asyncio.Event()
        self._working = asyncio.create_task(self._work(over), name="owner")
        opening = asyncio.create_task(self._open_accounts(over), name="operator")
        try:
            yield
        finally:
            over.set()
            await asyncio.gather(self._working, opening)

    async def works(self, cycles: int) -> None:
        """Return when this many more keys have been made and revoked."""
        goal = self.cycles + cycles

        async def is_reached() -> bool:
            if self._working is not None and self._working.done():
                self._working.result()
            return self.cycles >= goal

        await eventually(is_reached, within_s=CYCLE_WITHIN_S)

    async def _work(self, over: asyncio.Event) -> None:
        connection = Connection(self.traffic.port)
        while not over.is_set():
            await self._cycle(connection)
            self.cycles += 1
        connection.close()

    async def _open_accounts(self, over: asyncio.Event) -> None:
        """Open accounts, which wait for nothing, so that the ledger grows whatever is away."""
        while not over.is_set():
            body = {"name": f"Practice {next(self._numbers)}"}
            request_id, account = await self._insist("POST", "/v1/accounts", body, OPERATOR)
            self._note(request_id, f"account-{account['account_id']}", "keyfold.account.created")
            await asyncio.sleep(ACCOUNT_INTERVAL_S)

    async def _cycle(self, connection: Connection) -> None:
        key_id, secret = await self.create_key()
        await self.in_force()
        await self.uses(connection, secret, None)
        await self.revoke_key(key_id)
        await self.in_force()
        self.traffic.bury(secret)
        await self.uses(connection, secret, "subscriber_key_revoked")

    async def create_key(self) -> tuple[str, str]:
        """Make a key that may read patients; return its id and its secret."""
        wanted = {"name": "Short-lived", "permissions": {"patient": "read"}}
        request_id, body = await self._insist("POST", self._keys, wanted)
        key_id = str(body["key"]["key_id"])
        self._note(request_id, f"key-{key_id}", "keyfold.subscriber_key.created")
        return key_id, str(body["secret"])

    async def revoke_key(self, key_id: str) -> None:
        """Revoke a key."""
        request_id, _ = await self._insist("DELETE", f"{self._keys}/{key_id}")
        self._note(request_id, f"key-{key_id}", "keyfold.subscriber_key.revoked")

    def _note(self, request_id: str, stream: str, event_type: str) -> None:
        self.done.append(Done(request_id=request_id, stream=stream, type=event_type))

    async def uses(self, connection: Connection, secret: str, deserved: str | None) -> None:
        """Return when the key gets the right answer; `stale` and a cut do not count."""

        async def is_told() -> bool:
            path = f"/v1/patient/{self.traffic.mark}-owner-{next(self._numbers)}"
            try:
                await connection.open()
                answer = await self.traffic.ask(connection, path, secret)
            except (OSError, Cut):
                return False
            if answer.reason is None and deserved is not None:
                self.traffic.risen.append(path)
            if answer.reason != deserved and answer.status != 503:
                self.wrong.append(str(answer.reason))
            return answer.reason == deserved

        await eventually(is_told, within_s=CYCLE_WITHIN_S)

    async def in_force(self) -> None:
        """Return when the gatekeeper has applied everything that is in the ledger now."""
        while page := (await self._read("registry", f"/v1/ledger?after={self._known}&limit=100"))["items"]:
            self._known = page[-1]["position"]

        async def is_applied() -> bool:
            answer = await self._read("gatekeeper", "/v1/position")
            return bool(answer["position"] >= self._known)

        await eventually(is_applied, within_s=CYCLE_WITHIN_S)

    async def _insist(
        self, method: str, path: str, body: object = None, who: Claims | None = None
    ) -> tuple[str, Any]:
        """Send a command, each time with a new request id, until it is answered with 2xx."""
        owner = Claims(role="owner", sub="oscar", account_id=self.traffic.sample.account_id)

        async def is_done() -> tuple[str, Any] | None:
            request_id = f"{self.traffic.mark}-{next(self._numbers)}"
            self.sent.add(request_id)
            answer = await self._asked("registry", method, path, who or owner, request_id, body)
            return None if answer is None else (request_id, answer)

        return await eventually(is_done, within_s=CYCLE_WITHIN_S)

    async def _read(self, service: str, path: str) -> Any:
        asked = partial(self._asked, service, "GET", path, OPERATOR, f"{self.traffic.mark}-read")
        return await eventually(asked, within_s=CYCLE_WITHIN_S)

    async def _asked(
        self, service: str, method: str, path: str, who: Claims, request_id: str, body: object = None
    ) -> Any:
        """Return the body of a 2xx, None for anything else."""
        signer = LocalSigner(self.stack.state.path)
        token = signer.sign(who, now=SYSTEM_CLOCK.now(), ttl_s=60)
        headers = {"Authorization": f"Bearer {token}", "X-Request-Id": request_id}
        url = self.stack.endpoints.url(service) + path
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self.session.request(method, url, headers=headers, json=body) as response:
                content = await response.read()
                assert response.status < 400 or response.status >= 500, content
                return orjson.loads(content) if response.status < 300 else None
        return None

    @property
    def _keys(self) -> str:
        return f"/v1/accounts/{self.traffic.sample.account_id}/keys"


@asynccontextmanager
async def open_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Yield a client that sends each request once: aiohttp repeats one when a kept connection was cut."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        yield session
