"""A stack without Keyfold's services, in a process of its own."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
import psutil

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 10
POLL_INTERVAL_S = 0.05
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


class Running:
    """A stack in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, state_dir: Path) -> None:
        self.process = process
        self._file = state_dir / "stack.json"
        self._stale = self._file.read_bytes() if self._file.exists() else None

    @property
    def record(self) -> dict[str, Any]:
        """The content of `stack.json`."""
        return dict(orjson.loads(self._file.read_bytes()))

    @property
    def mode(self) -> int:
        """Return the permissions of `stack.json`."""
        return stat.S_IMODE(self._file.stat().st_mode)

    async def ready(self) -> None:
        """Wait until the stack says that it is ready."""
        async with asyncio.timeout(START_TIMEOUT_S):
            while not self._file.exists() or self._file.read_bytes() == self._stale:
                assert self.process.returncode is None, await self.output()
                await asyncio.sleep(POLL_INTERVAL_S)

    def all_replaced(self, pids: Mapping[str, int]) -> Callable[[], Awaitable[dict[str, Any] | None]]:
        """Return a probe that gives the record once each of these children has another process id."""

        async def probe() -> dict[str, Any] | None:
            record = self.record
            return record if all(record["pids"][name] != pid for name, pid in pids.items()) else None

        return probe

    async def output(self, *, within_s: float = STOP_TIMEOUT_S) -> str:
        """Wait for the end, and return everything that was printed."""
        async with asyncio.timeout(within_s):
            printed, _ = await self.process.communicate()
        return printed.decode()


@asynccontextmanager
async def stack(
    state_dir: Path, *arguments: str, settings: Mapping[str, str] = NO_SETTINGS, umask: int = -1
) -> AsyncIterator[Running]:
    """Start a stack; whatever happens, it is gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.local.bare_stack",
        str(state_dir),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **settings},
        umask=umask,
    )
    running = Running(process, state_dir)
    try:
        yield running
    finally:
        if process.returncode is None:
            process.terminate()
            await running.output()


async def all_gone(pids: Iterable[int]) -> None:
    """Wait until none of the processes runs any more."""
    async with asyncio.timeout(STOP_TIMEOUT_S):
        for pid in pids:
            while _runs(pid):  # noqa: ASYNC110 - another process's end sets no event of ours
                await asyncio.sleep(POLL_INTERVAL_S)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
