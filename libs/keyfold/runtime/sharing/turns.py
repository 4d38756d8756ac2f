"""Turns at what only a few can do at once: tenants are called in turn, however much each of them asks for."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from keyfold.runtime.http.problem import Problem, Refused

_RETRY_AFTER_S: Final = 1
_WAITING_MAX: Final = 64
_WAIT_MAX_S: Final = 10.0


class Turns:
    """A number of places, of which one tenant takes at most half, but always one.

    When a place is free, the waiting tenant that holds the fewest is called, and of equals the one that has
    waited the longest since its last call. So one tenant's thousand requests delay another's by one at most.
    A tenant has at most `waiting_max` requests waiting.
    """

    def __init__(
        self,
        what: str,
        places: int,
        *,
        waiting_max: int = _WAITING_MAX,
        wait_max_s: float | None = _WAIT_MAX_S,
    ) -> None:
        self._what = what
        self._places = places
        self._tenant_places = max(1, places // 2)
        self._waiting_max = waiting_max
        self._wait_max_s = wait_max_s
        self._held = Counter[str]()
        self._called: dict[str, int] = {}
        self._calls = 0
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def take(self, tenant: str) -> AsyncIterator["HeldTurn"]:
        """Hold a place for as long as the context lasts.

        Raises Refused: 429 if the tenant has too many waiting, 503 after `wait_max_s`.
        """
        if len(self._waiting.get(tenant, ())) >= self._waiting_max:
            detail = f"more than {self._waiting_max} {self._what} of yours are waiting"
            raise Refused(_refusal(429, "rate-limited", detail))
        try:
            async with asyncio.timeout(self._wait_max_s):
                await self._begin(tenant)
        except TimeoutError:
            raise Refused(_refusal(503, "busy", f"there are too many {self._what} now")) from None
        turn = HeldTurn(self, tenant)
        try:
            yield turn
        finally:
            if turn.is_held:
                self._end(tenant)

    async def _begin(self, tenant: str) -> None:
        called = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(called)
        self._call()
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():
                self._end(tenant)
            raise

    def _end(self, tenant: str) -> None:
        self._held[tenant] -= 1
        if not self._held[tenant]:
            del self._held[tenant]
            if tenant not in self._waiting:
                self._called.pop(tenant, None)
        self._call()

    def _call(self) -> None:
        while self._held.total() < self._places and (tenant := self._find_next()) is not None:
            queue = self._waiting[tenant]
            called = queue.popleft()
            if not queue:
                del self._waiting[tenant]
            if not called.done():
                self._calls += 1
                self._called[tenant] = self._calls
                self._held[tenant] += 1
                called.set_result(None)

    def _find_next(self) -> str | None:
        able = [each for each in self._waiting if self._held[each] < self._tenant_places]
        return min(able, key=lambda each: (self._held[each], self._called.get(each, 0)), default=None)

    def has_others_waiting(self, tenant: str) -> bool:
        """Tell whether anybody but this tenant waits."""
        return any(each != tenant for each in self._waiting)


class HeldTurn:
    """A place that is held, and can be given up in between for whoever waits."""

    def __init__(self, turns: Turns, tenant: str) -> None:
        self._turns = turns
        self._tenant = tenant
        self.is_held = True

    async def give_way(self) -> None:
        """Let other tenants that wait go first, and return when it is this one's turn again."""
        if self._turns.has_others_waiting(self._tenant):
            self.is_held = False
            self._turns._end(self._tenant)  # noqa: SLF001 - a turn is a part of the turns
            await self._turns._begin(self._tenant)  # noqa: SLF001
            self.is_held = True


def _refusal(status: int, slug: str, detail: str) -> Problem:
    return Problem(status=status, slug=slug, detail=detail, headers={"Retry-After": str(_RETRY_AFTER_S)})
