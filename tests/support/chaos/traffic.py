"""Steady requests to a gatekeeper, each of them different, and what became of each."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

from keyfold.local.sample.record import Sample
from tests.support.chaos.faults.wire import Answer, Connection, Cut
from tests.support.eventually import eventually

CONNECTIONS = 4
REQUESTS_PER_S = 200
RECONNECT_PAUSE_S = 0.02
FLOWS_WITHIN_S = 60.0


@dataclass(slots=True, kw_only=True)
class Traffic:
    """Asks about paths that no other request has, so that a row of the log belongs to exactly one of them.

    One request in four has a key that was revoked, and revoked in force: each must be denied. Another one in
    four asks for what the key may not do.
    """

    port: int
    token: str
    sample: Sample
    mark: str
    asked: set[str] = field(default_factory=set)
    answered: dict[str, Answer] = field(default_factory=dict)
    graves: list[str] = field(default_factory=list)
    risen: list[str] = field(default_factory=list)
    denied_at_grave: int = 0
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def bury(self, secret: str) -> None:
        """Use this revoked key from now on, to see that it stays denied."""
        self.graves.append(secret)

    @property
    def decided(self) -> dict[str, Answer]:
        """The answers that carry a decision, by their request's path."""
        return {path: answer for path, answer in self.answered.items() if answer.decision is not None}

    @property
    def outcomes(self) -> Counter[str]:
        """How often each answer came."""
        return Counter(answer.reason or "allow" for answer in self.answered.values())

    async def flows(self, requests: int) -> None:
        """Return when this many more requests were allowed."""
        goal = self.outcomes["allow"] + requests

        async def is_reached() -> bool:
            return self.outcomes["allow"] >= goal

        await eventually(is_reached, within_s=FLOWS_WITHIN_S)

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Send requests during the block; at its end every request is answered, or cut."""
        over = asyncio.Event()
        callers = [asyncio.create_task(self._call(over), name="caller") for _ in range(CONNECTIONS)]
        try:
            yield
        finally:
            over.set()
            await asyncio.gather(*callers)

    async def _call(self, over: asyncio.Event) -> None:
        connection, loop = Connection(self.port), asyncio.get_running_loop()
        due_s = loop.time()
        while not over.is_set():
            try:
                await connection.open()
                await self._next(connection)
            except (OSError, Cut):
                await asyncio.sleep(RECONNECT_PAUSE_S)
            due_s = max(due_s + CONNECTIONS / REQUESTS_PER_S, loop.time() - 1)
            await asyncio.sleep(due_s - loop.time())
        connection.close()

    async def _next(self, connection: Connection) -> None:
        number = next(self._numbers)
        grave = self.graves[number // 4 % len(self.graves)] if self.graves and number % 4 == 0 else None
        category = "note" if number % 4 == 2 else "patient"
        path = f"/v1/{category}/{self.mark}-{number}"
        answer = await self.ask(connection, path, grave or self.sample.key_secret)
        if grave is not None:
            self.denied_at_grave += answer.reason is not None
            if answer.reason is None:
                self.risen.append(path)

    async def ask(self, connection: Connection, path: str, secret: str) -> Answer:
        """Ask about a GET of a path with a subscriber key. Raises Cut."""
        self.asked.add(path)
        answer = await connection.ask(
            "/authz",
            {
                "X-Gateway-Token": self.token,
                "X-Forwarded-Method": "GET",
                "X-Forwarded-Uri": path,
                "x-api-key": self.sample.vendor_secret,
                "A-api-key": secret,
            },
        )
        self.answered[path] = answer
        return answer
