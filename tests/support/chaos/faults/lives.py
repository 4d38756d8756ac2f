"""A process that is killed at given points, again and again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import orjson

from keyfold.local.process.child import ProcessSpec, leash, tail
from tests.support.chaos.faults.fault_points import OF_SERVICE, FaultPoint

WITHIN_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lives:
    """One service, which is run in order to be killed."""

    command: ProcessSpec
    process: Process

    async def end_at(self, point: FaultPoint, passage: int) -> None:
        """Run it until it is killed at its so many-th passage of the point."""
        await self.begin(point, passage)
        assert await self._said(f"never passed {point.name}") == signal.SIGKILL, self._told("ended by itself")

    async def live_until(self, what: Awaitable[None]) -> None:
        """Run it until then, and end it in order."""
        pid = await self.begin()
        await what
        os.kill(pid, signal.SIGTERM)
        assert await self.ended() == 0

    async def begin(
        self, point: FaultPoint | None = None, passage: int = 1, strike: signal.Signals = signal.SIGKILL
    ) -> int:
        """Run it, perhaps until it is struck at a point; return its process id."""
        index = None if point is None else OF_SERVICE[self.command.name].index(point)
        assert self.process.stdin is not None
        life = {"point": index, "passage": passage, "signal": strike.value}
        self.process.stdin.write(orjson.dumps(life) + b"\n")
        return await self._said("was not born")

    async def ended(self) -> int:
        """Return the signal that ended it, 0 for none."""
        return await self._said("did not end")

    async def _said(self, otherwise: str) -> int:
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(WITHIN_S):
                return int(await self.process.stdout.readline())
        except (TimeoutError, ValueError):
            raise AssertionError(self._told(otherwise)) from None

    def _told(self, what: str) -> str:
        assert self.command.log_path is not None
        return f"{self.command.name} {what}; its last words:\n{tail(self.command.log_path)}"


@asynccontextmanager
async def lives(command: ProcessSpec) -> AsyncIterator[Lives]:
    """Yield a service that has not run yet; after the block it is dead."""
    argv = [sys.executable, "-m", "tests.support.chaos.faults.mortal", command.name]
    assert command.log_path is not None
    with command.log_path.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *leash(replace(command, argv=argv)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=log,
            env={**os.environ, **command.env},
        )
    try:
        yield Lives(command=command, process=process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
