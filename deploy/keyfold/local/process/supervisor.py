"""The children of a stack: one that dies is started again, all end together, and none is left behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import orjson
import psutil

from keyfold.local.process.child import Child, ChildFailed, ProcessSpec, describe_exit
from keyfold.local.process.progress import StartupProgress
from keyfold.local.state import read_json, write_private
from keyfold.runtime.clock import SYSTEM_CLOCK

LEFTOVER_PATIENCE_S = 8.0
SAME_START_S = 2.0  # start times count from the system's boot, which moves a little with its clock

FIRST_PAUSE_S = 0.2  # doubled with each death: the cause may need a while to pass
DEATHS_MAX = 5
DEATHS_WITHIN_S = 60.0

Probe = Callable[[], Awaitable[bool]]


@dataclass(slots=True, kw_only=True)
class Supervised:
    """A child with its rank, where higher ranks are stopped first, and the probe that says it is ready."""

    child: Child
    rank: int
    answers: Probe
    deaths_s: deque[float] = field(default_factory=lambda: deque(maxlen=DEATHS_MAX))

    def is_hopeless(self, now_s: float) -> bool:
        """Count a death, and tell whether it was the last of DEATHS_MAX within DEATHS_WITHIN_S."""
        self.deaths_s.append(now_s)
        while now_s - self.deaths_s[0] > DEATHS_WITHIN_S:
            self.deaths_s.popleft()
        return len(self.deaths_s) == DEATHS_MAX

    @property
    def pause_s(self) -> float:
        """How many seconds to wait before starting it again."""
        return FIRST_PAUSE_S * 2.0 ** (len(self.deaths_s) - 1)


class Supervisor:
    """Children that live and end together. `on_restart` is called when one of them has a new process id."""

    def __init__(self, record: Path, progress: StartupProgress) -> None:
        self._record = record
        self._progress = progress
        self._members: list[Supervised] = []
        self._keepers: list[asyncio.Task[str]] = []
        self._given_up: asyncio.Queue[asyncio.Task[str]] = asyncio.Queue()
        self.on_restart: Callable[[], None] = lambda: None

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each child by its name."""
        return {member.child.name: member.child.pid for member in self._members}

    def adopt(self, child: Child, *, rank: int, answers: Probe) -> None:
        """Keep a ready child running from now on, and record that it is ours."""
        member = Supervised(child=child, rank=rank, answers=answers)
        self._members.append(member)
        self._save_record()
        keeper = asyncio.create_task(self._keep(member), name=f"keeper of {child.name}")
        keeper.add_done_callback(self._given_up.put_nowait)
        self._keepers.append(keeper)

    async def wait_until_given_up(self) -> str:
        """Return the obituary of the first child that dies too often to be started again."""
        return (await self._given_up.get()).result()

    async def stop(self) -> None:
        """Stop all children: higher ranks first, one rank together."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        by_rank = sorted(self._members, key=lambda member: -member.rank)
        for _, members in groupby(by_rank, key=lambda member: member.rank):
            await asyncio.gather(*(member.child.stop() for member in members))
        self._members.clear()
        self._record.unlink(missing_ok=True)

    async def _keep(self, member: Supervised) -> str:
        while True:
            how = describe_exit(await member.child.wait())
            if member.is_hopeless(SYSTEM_CLOCK.monotonic_s()):
                return member.child.obituary(f"{how}, {DEATHS_MAX} times in {DEATHS_WITHIN_S:g} s")
            self._progress.warn(f"{member.child.name} {how}; it is started again")
            await asyncio.sleep(member.pause_s)
            await self._start_again(member)

    async def _start_again(self, member: Supervised) -> None:
        # No timeout: a process that waits for another one is not dead.
        await asyncio.to_thread(end_orphans, member.child.command)
        member.child = await Child.spawn(member.child.command)
        self._save_record()
        self.on_restart()
        with contextlib.suppress(ChildFailed), self._progress.step(f"{member.child.name}, again"):
            await member.child.ready(member.answers, timeout_s=None)

    def _save_record(self) -> None:
        children = [_identity(member.child.pid) for member in self._members]
        record = {"of": str(self._record), "children": children}
        write_private(self._record, orjson.dumps(record))


def end_leftovers(record: Path, *, patience_s: float = LEFTOVER_PATIENCE_S) -> None:
    """End what an earlier stack left running, which was killed before it could stop its children.

    A record that was copied along with its directory belongs to another stack, which may be running.
    """
    match read_json(record):
        case {"of": of, "children": [*children]} if of == str(record):
            left = [process for pid, began in children if (process := _find_same(pid, began))]
        case _:
            left = []
    _, alive = psutil.wait_procs(left, timeout=patience_s)  # the kernel has told them to end already
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=patience_s)
    record.unlink(missing_ok=True)


def end_orphans(command: ProcessSpec) -> None:
    """Kill what a killed child has left running in its own directory.

    PostgreSQL has a process for each client, and each holds shared memory: a new server cannot start until
    the last is gone.
    """
    if command.cwd is None:
        return
    program = Path(command.argv[0]).name
    orphans = [
        each for each in psutil.process_iter(["name", "cwd"]) if _is_of(each.info, program, command.cwd)
    ]
    for orphan in orphans:
        with contextlib.suppress(psutil.NoSuchProcess):
            orphan.kill()
    psutil.wait_procs(orphans, timeout=LEFTOVER_PATIENCE_S)


def _is_of(info: Mapping[str, object], program: str, directory: Path) -> bool:
    return info["name"] == program and info["cwd"] == str(directory)


def _identity(pid: int) -> tuple[int, float]:
    """Return the process id and the start time, which tells it from a later process with the same id."""
    try:
        return pid, psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return pid, 0.0


def _find_same(pid: int, began: float) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        return process if abs(process.create_time() - began) < SAME_START_S else None
    except psutil.NoSuchProcess:
        return None
