"""A process that is started again whenever it ends, as a supervisor in production would."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psutil

from keyfold.local.process.child import Child, ChildFailed
from tests.support.eventually import eventually

RESTART_PAUSE_S = 0.3
READY_WITHIN_S = 60.0


@dataclass(slots=True, kw_only=True)
class Supervised:
    """One process. `launch` starts it; `is_ready` asks it from outside."""

    name: str
    launch: Callable[[], Awaitable[Child]]
    is_ready: Callable[[], Awaitable[bool]]
    starts: int = 0
    _child: Child | None = None
    _is_launched: bool = False
    _may_start: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _keeping: asyncio.Task[None] | None = field(default=None, repr=False)

    def keep(self) -> None:
        """Start it, and start it again from now on whenever it ends."""
        self._may_start.set()
        self._keeping = asyncio.create_task(self._kept(), name=f"supervisor of {self.name}")

    async def ready(self) -> None:
        """Return when it says that it is ready."""

        async def is_up() -> bool:
            return self._is_launched and await self.is_ready()

        await eventually(is_up, within_s=READY_WITHIN_S)

    async def unready(self) -> None:
        """Return when it does not say that it is ready."""

        async def is_unready() -> bool:
            return not await self.is_ready()

        await eventually(is_unready, within_s=READY_WITHIN_S)

    async def kill(self) -> None:
        """Kill it with SIGKILL; return when its successor has been started."""
        assert self._child is not None
        starts = self.starts
        await self._child.kill()

        async def is_back() -> bool:
            return self.starts > starts

        await eventually(is_back, within_s=READY_WITHIN_S)

    @asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """Kill it with SIGKILL, and keep it away during the block."""
        assert self._child is not None
        self._may_start.clear()
        try:
            await self._child.kill()
            yield
        finally:
            self._may_start.set()

    @asynccontextmanager
    async def stopped(self) -> AsyncIterator[None]:
        """Stop it in order, and keep it away during the block."""
        assert self._child is not None
        self._may_start.clear()
        try:
            await self._child.stop()
            yield
        finally:
            self._may_start.set()

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Stop it and its children with SIGSTOP during the block."""
        assert self._child is not None
        first = psutil.Process(self._child.pid)
        first.suspend()  # it starts no more
        family = [first, *first.children(recursive=True)]
        try:
            for each in family:
                each.suspend()
            yield
        finally:
            for each in reversed(family):
                each.resume()

    async def stop(self) -> None:
        """Stop it for good."""
        if self._keeping is not None:
            self._keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeping
        if self._child is not None:
            await self._child.stop()

    async def _kept(self) -> None:
        while True:
            await self._may_start.wait()
            # What the last one left behind may keep it from starting at first.
            with contextlib.suppress(ChildFailed):
                self._child = await self.launch()
                self.starts += 1
                self._is_launched = True
                await self._child.wait()
            self._is_launched = False
            await asyncio.sleep(RESTART_PAUSE_S)
