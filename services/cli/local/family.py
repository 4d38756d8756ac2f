"""The children of a stack: the first that dies ends them all, and none is left behind."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import orjson
import psutil

from services.cli.local.process import Child

LEFTOVER_PATIENCE_S = 8.0
SAME_START_S = 2.0  # the system's idea of when it booted moves a little with its clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A child with its rank: higher ones are stopped earlier."""

    child: Child
    rank: int


class Family:
    """Children that live and end together."""

    def __init__(self, record: Path) -> None:
        self._record = record
        self._members: list[Member] = []
        self._changed = asyncio.Event()

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each child by its name."""
        return {member.child.name: member.child.pid for member in self._members}

    def adopt(self, child: Child, *, rank: int) -> None:
        """Watch a running child from now on, and write down that it is ours."""
        self._members.append(Member(child=child, rank=rank))
        self._record.write_bytes(orjson.dumps([_identity(member.child.pid) for member in self._members]))
        self._changed.set()

    async def first_death(self) -> str:
        """Return the obituary of the first child that ends."""
        while True:
            self._changed.clear()
            ends = {asyncio.ensure_future(member.child.wait()): member for member in self._members}
            change = asyncio.ensure_future(self._changed.wait())
            try:
                await asyncio.wait({*ends, change}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (*ends, change):
                    task.cancel()
            for end, member in ends.items():
                if end.done() and not end.cancelled():
                    return member.child.obituary(f"ended with status {end.result()}")

    async def stop(self) -> None:
        """Stop all children, those of a higher rank first, those of one rank together."""
        by_rank = sorted(self._members, key=lambda member: -member.rank)
        for _, members in groupby(by_rank, key=lambda member: member.rank):
            await asyncio.gather(*(member.child.stop() for member in members))
        self._members.clear()
        self._record.unlink(missing_ok=True)


def end_leftovers(record: Path, *, patience_s: float = LEFTOVER_PATIENCE_S) -> None:
    """End what an earlier stack left running when it was killed before it could stop its children."""
    if not record.exists():
        return
    left = [process for pid, began in orjson.loads(record.read_bytes()) if (process := _same(pid, began))]
    _, alive = psutil.wait_procs(left, timeout=patience_s)  # the kernel has told them to end already
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=patience_s)
    record.unlink()


def _identity(pid: int) -> tuple[int, float]:
    """Return what tells a process from a later one with the same id."""
    try:
        return pid, psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return pid, 0.0


def _same(pid: int, began: float) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        return process if abs(process.create_time() - began) < SAME_START_S else None
    except psutil.NoSuchProcess:
        return None
