"""Waiting for a position: one query serves all who wait."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Final

from keyfold.store.postgres.notifications import Notifications

POLL_INTERVAL_S: Final = 0.25


class PositionWatch:
    """Waits until `look` returns a position or a later one.

    With `Notifications` it looks again as soon as something is notified; otherwise, and when a notification
    was missed, after 0.25 s.
    """

    def __init__(
        self, name: str, look: Callable[[], Awaitable[int]], notifications: Notifications | None
    ) -> None:
        self._name = name
        self._look = look
        self._notifications = notifications
        self._running: asyncio.Task[int] | None = None
        self._next: asyncio.Task[int] | None = None
        self._woken: asyncio.Task[int] | None = None

    async def wait_for(self, position: int, timeout_s: float) -> bool:
        """Return True as soon as the position is reached, False when the time is up first.

        It looks at least once, however short the time. Raises what `look` raises.
        """
        seen = await self._look_now()
        try:
            async with asyncio.timeout(timeout_s):
                while seen < position:
                    seen = await self._look_when_woken()
        except TimeoutError:
            return False
        return True

    async def _look_now(self) -> int:
        # The running look may have begun before the caller's own write, so the caller shares the next one.
        if self._next is None or self._next.done():
            self._next = self._task(self._look_after(self._running))
        return await asyncio.shield(self._next)

    async def _look_after(self, running: asyncio.Task[int] | None) -> int:
        if running is not None:
            await asyncio.wait([running])
        self._running, self._next = self._next, None
        return await self._look()

    async def _look_when_woken(self) -> int:
        if self._woken is None or self._woken.done():
            self._woken = self._task(self._look_once_woken())
        return await asyncio.shield(self._woken)

    async def _look_once_woken(self) -> int:
        if self._notifications is None:
            await asyncio.sleep(POLL_INTERVAL_S)
        else:
            await self._notifications.wait(POLL_INTERVAL_S)
        return await self._look()

    def _task(self, look: Coroutine[None, None, int]) -> asyncio.Task[int]:
        task = asyncio.create_task(look, name=f"look at the {self._name}")
        task.add_done_callback(_consume_failure)
        return task


def _consume_failure(look: asyncio.Task[int]) -> None:
    """Read a failure when the last waiter has left: asyncio would report it as never retrieved."""
    if not look.cancelled():
        look.exception()
