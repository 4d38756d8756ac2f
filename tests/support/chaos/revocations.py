"""Keys that are revoked while two gatekeepers are asked about them all the time, and the answers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

import aiohttp

from keyfold.local.sample.record import Sample
from keyfold.local.signing import Claims, LocalSigner
from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.support.chaos.faults.wire import Connection, Cut
from tests.support.chaos.stack import ChaosStack
from tests.support.eventually import eventually

GATEWAY_TIMEOUT_S = 1.0
CONNECTIONS = 4
INTERVAL_S = 0.025
REVOKERS = 16
WAIT_S = 30
GRAVES_MAX = 200
BESIEGERS = 16
# As many turns of the event loop as an answer takes that lies in a socket's buffer already.
TURNS = 20


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was counted; an allow is `after` if it was received once its key's revocation was in force."""

    revocations: int = 0
    enforced_true: int = 0
    enforced_false: int = 0
    requests: int = 0
    answered: int = 0
    cut: int = 0
    allows_before: int = 0
    allows_after: int = 0
    denials_after: int = 0
    pauses: int = 0
    kills: int = 0
    longest_wait_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class Load:
    """Asks each gatekeeper about live and revoked keys, as a gateway with its timeout does."""

    ports: tuple[int, ...]
    token: str
    sample: Sample
    tally: Tally
    live: list[str] = field(default_factory=list)
    over: set[str] = field(default_factory=set)
    allowed: set[str] = field(default_factory=set)
    _graves: deque[str] = field(default_factory=lambda: deque(maxlen=GRAVES_MAX))
    _numbers: count[int] = field(default_factory=lambda: count(1))

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Ask during the block."""
        ended = asyncio.Event()
        async with asyncio.TaskGroup() as callers:
            for number in range(CONNECTIONS):
                for port in self.ports:
                    callers.create_task(self._call(port, Random(number), ended), name="caller")
            try:
                yield
            finally:
                ended.set()

    async def revoked_in_force(self, secret: str) -> None:
        """Count every allow from now on, and ask each gatekeeper at once."""
        for _ in range(TURNS):
            await asyncio.sleep(0)
        self.over.add(secret)
        self.live.remove(secret)
        self._graves.append(secret)
        await asyncio.gather(*(self._ask_once(port, secret) for port in self.ports))

    @asynccontextmanager
    async def siege(self, port: int) -> AsyncIterator[Callable[[], Coroutine[None, None, None]]]:
        """Yield what asks one gatekeeper about the keys that were revoked last, all at once and over
        connections that it knows.
        """
        connections = [Connection(port, answer_within_s=GATEWAY_TIMEOUT_S) for _ in range(BESIEGERS)]
        await asyncio.gather(*(self._ask(each, self.sample.key_secret) for each in connections))

        async def ask() -> None:
            revoked = list(self._graves)[-BESIEGERS:]
            await asyncio.gather(*map(self._ask, connections, revoked))

        yield ask
        for each in connections:
            each.close()

    async def is_allowed(self, secret: str) -> bool:
        """Tell whether the key was allowed at least once."""
        return secret in self.allowed

    async def _call(self, port: int, chance: Random, ended: asyncio.Event) -> None:
        connection = Connection(port, answer_within_s=GATEWAY_TIMEOUT_S)
        while not ended.is_set():
            secret = self._chosen(chance)
            if secret is not None:
                await self._ask(connection, secret)
            await asyncio.sleep(INTERVAL_S)
        connection.close()

    def _chosen(self, chance: Random) -> str | None:
        keys = self.live if self.live and chance.random() < 0.7 else self._graves
        return chance.choice(keys) if keys else None

    async def _ask_once(self, port: int, secret: str) -> None:
        connection = Connection(port, answer_within_s=GATEWAY_TIMEOUT_S)
        await self._ask(connection, secret)
        connection.close()

    async def _ask(self, connection: Connection, secret: str) -> None:
        self.tally.requests += 1
        headers = {
            "X-Gateway-Token": self.token,
            "X-Forwarded-Method": "GET",
            "X-Forwarded-Uri": f"/v1/patient/revocation-{next(self._numbers)}",
            "x-api-key": self.sample.vendor_secret,
            "A-api-key": secret,
        }
        try:
            await connection.open()
            answer = await connection.ask("/authz", headers)
        except (OSError, Cut):
            self.tally.cut += 1
        else:
            self._note(secret, is_allow=answer.status == 200)

    def _note(self, secret: str, *, is_allow: bool) -> None:
        self.tally.answered += 1
        is_over = secret in self.over
        if is_allow:
            self.allowed.add(secret)
            self.tally.allows_after += is_over
            self.tally.allows_before += not is_over
        else:
            self.tally.denials_after += is_over


@dataclass(slots=True, kw_only=True)
class Revokers:
    """Owners that make a key, see it used, and revoke it with `Prefer: wait`, once for each ticket."""

    stack: ChaosStack
    session: aiohttp.ClientSession
    load: Load
    tickets: asyncio.Queue[None] = field(default_factory=asyncio.Queue)
    _may_revoke: asyncio.Event = field(default_factory=asyncio.Event)
    _ready: int = 0

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Work through the tickets; at the block's end all of them are done."""
        async with asyncio.TaskGroup() as tasks:
            self._may_revoke.set()
            workers = [tasks.create_task(self._work(), name="revoker") for _ in range(REVOKERS)]
            yield
            await self.tickets.join()
            for each in workers:
                each.cancel()

    def issue(self, tickets: int) -> None:
        """Have this many more keys revoked."""
        for _ in range(tickets):
            self.tickets.put_nowait(None)

    @asynccontextmanager
    async def held_back(self, tickets: int) -> AsyncIterator[None]:
        """Have so many more keys revoked, of which every revoker is ready to revoke one that is in use, and
        none does so within the block.
        """
        self._may_revoke.clear()
        self.issue(tickets)

        async def are_ready() -> bool:
            return self._ready == REVOKERS

        await eventually(are_ready, within_s=60)
        try:
            yield
        finally:
            self._may_revoke.set()

    async def _work(self) -> None:
        while True:
            await self.tickets.get()
            await self._revoke()
            self.tickets.task_done()

    async def _revoke(self) -> None:
        body = {"name": "Short-lived", "permissions": {"patient": "read"}}
        made = await self._command("POST", "", body)
        secret = str(made["secret"])
        self.load.live.append(secret)
        key_id = str(made["key"]["key_id"])
        await eventually(lambda: self.load.is_allowed(secret), within_s=60)
        self._ready += 1
        await self._may_revoke.wait()
        self._ready -= 1
        began_s = SYSTEM_CLOCK.monotonic_s()
        revoked = await self._command("DELETE", f"/{key_id}", Prefer=f"wait={WAIT_S}")
        tally = self.load.tally
        tally.longest_wait_s = max(tally.longest_wait_s, round(SYSTEM_CLOCK.monotonic_s() - began_s, 1))
        tally.revocations += 1
        if revoked["enforced"] is True:
            tally.enforced_true += 1
            await self.load.revoked_in_force(secret)
        else:
            tally.enforced_false += 1
            self.load.live.remove(secret)

    async def _command(self, method: str, path: str, body: object = None, **headers: str) -> dict[str, Any]:
        account_id = self.load.sample.account_id
        owner = Claims(role="owner", sub="oscar", account_id=account_id)
        token = LocalSigner(self.stack.state.path).sign(owner, now=SYSTEM_CLOCK.now(), ttl_s=60)
        url = f"{self.stack.endpoints.url('registry')}/v1/accounts/{account_id}/keys{path}"
        sent = {"Authorization": f"Bearer {token}", **headers}
        async with self.session.request(method, url, headers=sent, json=body) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status < 300, answer
            return answer
