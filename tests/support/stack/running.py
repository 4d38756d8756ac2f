"""A whole stack as its user runs it: `keyfold up` in a directory, observed from outside."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
import psutil

from keyfold.client.endpoints import kafka_of
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.settings.kafka import KafkaAccess
from tests.support.stack.forked import Ended, run_forked

KEYFOLD = Path(sys.executable).parent / "keyfold"
START_TIMEOUT_S = 110.0
STOP_TIMEOUT_S = 10.0
POLL_INTERVAL_S = 0.05
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStack:
    """A running stack; ``record`` is its `stack.json`."""

    home: Path
    process: Process
    record: Mapping[str, Any]

    @property
    def state_dir(self) -> Path:
        """The directory of all its state."""
        return self.home / ".keyfold"

    @property
    def screen(self) -> str:
        """The output of `keyfold up`."""
        return screen_of(self.home).read_text()

    @property
    def kafka(self) -> KafkaAccess:
        """How its broker is reached with all rights."""
        return kafka_of(self.record)

    def url(self, service: str) -> str:
        """Return the address of a service."""
        return str(self.record[service])

    def pid(self, name: str) -> int:
        """Return the process id of a child."""
        return int(self.record["pids"][name])

    async def keyfold(self, *arguments: str) -> Ended:
        """Run a command in the stack's directory, as its user would."""
        return await keyfold(*arguments, cwd=self.home)

    async def stop(self) -> float:
        """Press Ctrl-C; return the seconds until everything was gone. Fails if anything is left behind."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        began_s = SYSTEM_CLOCK.monotonic_s()
        self.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await self.process.wait()
        took_s = SYSTEM_CLOCK.monotonic_s() - began_s
        assert [child for child in family if child.is_running()] == []
        assert not (self.state_dir / "stack.json").exists()
        return took_s


@asynccontextmanager
async def running(home: Path, settings: Mapping[str, str] = NO_SETTINGS) -> AsyncIterator[RunningStack]:
    """Run a stack in a directory until the end of the block, unless the block has stopped it."""
    with screen_of(home).open("wb") as screen:
        process = await asyncio.create_subprocess_exec(
            KEYFOLD, "up", cwd=home, stdout=screen, stderr=screen, env={**os.environ, **settings}
        )
    stack = None
    try:
        stack = RunningStack(home=home, process=process, record=await _record(home, process))
        yield stack
    finally:
        if process.returncode is None:
            await (_killed(process) if stack is None else stack.stop())


async def keyfold(*arguments: str, cwd: Path, settings: Mapping[str, str] = NO_SETTINGS) -> Ended:
    """Run a command to its end."""
    return await asyncio.to_thread(run_forked, arguments, cwd, {**os.environ, **settings})


async def wait_for_end(process: Process) -> Ended:
    """Return how a process ended."""
    out, err = await process.communicate()
    return Ended(status=process.returncode or 0, out=out.decode(), err=err.decode())


@contextmanager
def freeze(pid: int) -> Iterator[None]:
    """Suspend a process during the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def screen_of(home: Path) -> Path:
    """Return the file with a stack's screen."""
    return home / "screen.txt"


async def _record(home: Path, process: Process) -> Mapping[str, Any]:
    path = home / ".keyfold" / "stack.json"
    async with asyncio.timeout(START_TIMEOUT_S):
        while not path.exists():
            assert process.returncode is None, screen_of(home).read_text()
            await asyncio.sleep(POLL_INTERVAL_S)
    record: Mapping[str, Any] = orjson.loads(path.read_bytes())
    return record


async def _killed(process: Process) -> None:
    process.kill()
    await process.wait()
