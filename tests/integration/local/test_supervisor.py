"""Children that are kept running and end together, with real processes."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import orjson
import psutil
import pytest
from rich.console import Console

from keyfold.local.process.child import Child, ChildFailed, ProcessSpec
from keyfold.local.process.ports import HOST, free_ports, listens
from keyfold.local.process.progress import StartupProgress
from keyfold.local.process.supervisor import DEATHS_MAX, Supervisor, end_leftovers
from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.support.eventually import eventually, eventually_so

FOREVER = "exec sleep 60"


async def at_once() -> bool:
    """Is ready as soon as it runs."""
    return True


async def never() -> bool:
    """Is never ready."""
    return False


async def spawn(directory: Path, name: str, script: str) -> Child:
    """Run a shell script as a child."""
    return await Child.spawn(
        ProcessSpec(
            name=name, argv=["sh", "-c", script], log_path=directory / f"{name}.log", stop_timeout_s=0.3
        )
    )


class Watched:
    """A supervisor, and the screen that it writes to."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.record = directory / "children.json"
        self._screen = io.StringIO()
        self.supervisor = Supervisor(
            self.record, StartupProgress(console=Console(file=self._screen, width=100))
        )

    @property
    def screen(self) -> list[str]:
        """What was printed, without the seconds."""
        return [line.rpartition("  ")[0].rstrip() or line for line in self._screen.getvalue().splitlines()]

    async def adopted(self, name: str, script: str, answers: Callable[[], Awaitable[bool]] = at_once) -> int:
        """Run a script as a child of the supervisor and return its process id."""
        child = await spawn(self.directory, name, script)
        self.supervisor.adopt(child, rank=0, answers=answers)
        return child.pid

    async def replaced(self, name: str, pid: int) -> int:
        """Return the process id that follows this one."""

        async def another() -> int | None:
            return now if (now := self.supervisor.pids[name]) != pid else None

        return await eventually(another)

    def recorded(self) -> list[int]:
        """Return the process ids that the next start would end."""
        return [pid for pid, _ in orjson.loads(self.record.read_bytes())["children"]]


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    """A supervisor without children, which has ended by the end of the test."""
    watched = Watched(tmp_path)
    yield watched
    await watched.supervisor.stop()


async def test_started_again(watched: Watched) -> None:
    """A child that dies is started again; how it died is printed, and its new process id is recorded."""
    told: list[dict[str, int]] = []
    watched.supervisor.on_restart = lambda: told.append(watched.supervisor.pids)
    steady = await watched.adopted("steady", FOREVER)
    frail = await watched.adopted("frail", FOREVER)

    os.kill(frail, signal.SIGKILL)
    second = await watched.replaced("frail", frail)
    await eventually_so(lambda: len(watched.screen) == 2)
    os.kill(second, signal.SIGTERM)
    third = await watched.replaced("frail", second)

    assert watched.screen[:3] == [
        "  ! frail was killed by SIGKILL; it is started again",
        "  ✓ frail, again",
        "  ! frail was killed by SIGTERM; it is started again",
    ]
    assert told == [{"steady": steady, "frail": second}, {"steady": steady, "frail": third}]
    assert watched.recorded() == [steady, third]


async def test_given_up(watched: Watched) -> None:
    """A child that keeps dying is started after ever longer pauses, and then given up with its last lines."""
    began_s = SYSTEM_CLOCK.monotonic_s()
    await watched.adopted("steady", FOREVER)
    await watched.adopted("broken", "echo last words; exit 3", never)

    async with asyncio.timeout(20):
        obituary = await watched.supervisor.wait_until_given_up()

    assert obituary.startswith(f"broken ended with status 3, {DEATHS_MAX} times in 60 s; the last lines of")
    assert obituary.endswith("  last words")
    assert watched.screen == ["  ! broken ended with status 3; it is started again"] * (DEATHS_MAX - 1)
    assert SYSTEM_CLOCK.monotonic_s() - began_s >= 0.2 + 0.4 + 0.8 + 1.6


async def test_frozen(watched: Watched) -> None:
    """A suspended child is not dead: it is left alone, and goes on when it is resumed."""
    pid = await watched.adopted("frozen", FOREVER)
    os.kill(pid, signal.SIGSTOP)
    await eventually_so(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    other = await watched.adopted("other", FOREVER)
    os.kill(other, signal.SIGKILL)
    await watched.replaced("other", other)

    assert watched.supervisor.pids["frozen"] == pid
    assert not [line for line in watched.screen if "frozen" in line]


async def test_stopped_while_starting_again(watched: Watched) -> None:
    """Stopping the supervisor while a child is being started again leaves nothing running."""
    pid = await watched.adopted("slow", FOREVER)
    never_again = await watched.adopted("never-again", FOREVER, never)
    os.kill(never_again, signal.SIGKILL)
    successor = await watched.replaced("never-again", never_again)
    os.kill(pid, signal.SIGKILL)
    await eventually_so(lambda: any("slow was killed" in line for line in watched.screen))

    await watched.supervisor.stop()

    assert not any(psutil.pid_exists(each) for each in (pid, never_again, successor))
    assert not watched.record.exists()


async def test_stops_in_order(watched: Watched, tmp_path: Path) -> None:
    """Higher ranks are stopped before lower ones, and a child that ignores the signal is killed."""
    order = tmp_path / "order"
    polite = "trap 'echo {0} >> {1}; exit 0' TERM; touch {0}; while :; do sleep 0.01; done"
    children = {
        "below": await spawn(tmp_path, "below", polite.format(tmp_path / "below", order)),
        "above": await spawn(tmp_path, "above", polite.format(tmp_path / "above", order)),
        "deaf": await spawn(tmp_path, "deaf", f"trap '' TERM; touch {tmp_path / 'deaf'}; sleep 60; sleep 60"),
    }

    async def started(name: str) -> bool:
        return (tmp_path / name).exists()

    for rank, (name, child) in enumerate(children.items()):
        await child.ready(partial(started, name), timeout_s=5)
        watched.supervisor.adopt(child, rank=rank, answers=partial(started, name))
    await watched.supervisor.stop()

    assert [Path(line).name for line in order.read_text().split()] == ["above", "below"]
    assert await children["deaf"].wait() == -signal.SIGKILL
    assert not (tmp_path / "children.json").exists()


async def test_leftovers(tmp_path: Path) -> None:
    """What an earlier stack left is ended; a stranger that got the same process id is left alone, and so is
    what belongs to the stack whose directory this one was copied from."""
    left, stranger = [await spawn(tmp_path, name, FOREVER) for name in ("left", "stranger")]
    record = tmp_path / "children.json"
    began = psutil.Process(left.pid).create_time()
    children = [(left.pid, began), (stranger.pid, began - 100)]
    record.write_bytes(orjson.dumps({"of": str(record), "children": children}))
    copied = tmp_path / "copied.json"
    copied.write_bytes(record.read_bytes())

    end_leftovers(copied, patience_s=0.2)
    assert left.running
    end_leftovers(record, patience_s=0.2)

    assert not psutil.pid_exists(left.pid)
    assert stranger.running
    assert not record.exists()
    await stranger.kill()
    await left.wait()


@pytest.mark.parametrize("damaged", [b"", b'{"of": "/x", "child', b"[[1, 1.0]]", b"\xff\x00"])
def test_damaged_leftovers(tmp_path: Path, damaged: bytes) -> None:
    """A record of children that a power cut truncated keeps no stack from starting."""
    record = tmp_path / "children.json"
    record.write_bytes(damaged)

    end_leftovers(record)

    assert not record.exists()


async def test_never_ready(tmp_path: Path) -> None:
    """A child that ends before it is ready is reported at once, with its last lines."""
    child = await spawn(tmp_path, "broken", "echo no such setting; exit 2")

    with pytest.raises(ChildFailed, match=r"(?s)broken ended with status 2.*no such setting"):
        async with asyncio.timeout(5):
            await child.ready(never, timeout_s=60)


async def test_late(tmp_path: Path) -> None:
    """A child that is not ready in time is reported so, and is not left behind."""
    command = ProcessSpec(name="late", argv=["sh", "-c", FOREVER], log_path=tmp_path / "late.log")

    with pytest.raises(ChildFailed, match=r"late was not ready after 0\.2 s"):
        await Child.start(command, never, timeout_s=0.2)

    assert not [each for each in psutil.Process().children() if "sleep" in each.cmdline()]


async def test_port_taken(tmp_path: Path) -> None:
    """If another program takes a port just before the child does, the error says so in one clear line."""
    (port,) = free_ports(1)
    command = ProcessSpec(
        name="sample-api",
        argv=[sys.executable, "-m", "keyfold.local.sample.api", f"--port={port}"],
        log_path=tmp_path / "sample-api.log",
        ports=(port,),
    )
    with socket.create_server((HOST, port)), pytest.raises(ChildFailed) as failed:
        await Child.start(command, partial(listens, port), timeout_s=20)

    assert str(failed.value) == (
        f"sample-api ended with status 1: port {port} has been taken by another program. "
        "Start again; a free port is then used instead."
    )
