"""Children that live and end together, with real processes."""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from pathlib import Path

import orjson
import psutil
import pytest

from services.cli.local.family import Family, end_leftovers
from services.cli.local.process import Child, ChildFailed, Command


async def spawn(directory: Path, name: str, script: str) -> Child:
    """Run a shell script as a child."""
    return await Child.spawn(
        Command(name=name, argv=["sh", "-c", script], log_path=directory / f"{name}.log", stop_timeout_s=0.3)
    )


async def test_first_death(tmp_path: Path) -> None:
    """The first child that ends is told by name, status and last lines, also one adopted later."""
    family = Family(tmp_path / "children.json")
    family.adopt(await spawn(tmp_path, "steady", "exec sleep 60"), rank=0)
    death = asyncio.create_task(family.first_death())
    await asyncio.sleep(0)
    family.adopt(await spawn(tmp_path, "frail", "echo last words; exit 3"), rank=1)
    async with asyncio.timeout(5):
        obituary = await death
    await family.stop()
    assert obituary.startswith("frail ended with status 3")
    assert obituary.endswith("  last words")


async def test_stops_in_order(tmp_path: Path) -> None:
    """Higher ranks are stopped before lower ones, and a child that does not listen is killed."""
    order = tmp_path / "order"
    polite = "trap 'echo {0} >> {1}; exit 0' TERM; touch {0}; while :; do sleep 0.01; done"
    family = Family(tmp_path / "children.json")
    children = {
        "below": await spawn(tmp_path, "below", polite.format(tmp_path / "below", order)),
        "above": await spawn(tmp_path, "above", polite.format(tmp_path / "above", order)),
        "deaf": await spawn(tmp_path, "deaf", f"trap '' TERM; touch {tmp_path / 'deaf'}; sleep 60; sleep 60"),
    }

    async def started(name: str) -> bool:
        return (tmp_path / name).exists()

    for rank, (name, child) in enumerate(children.items()):
        await child.ready(partial(started, name), timeout_s=5)
        family.adopt(child, rank=rank)
    await family.stop()

    assert [Path(line).name for line in order.read_text().split()] == ["above", "below"]
    assert await children["deaf"].wait() == -signal.SIGKILL
    assert not (tmp_path / "children.json").exists()


async def test_leftovers(tmp_path: Path) -> None:
    """What an earlier stack left is ended; a stranger that got the same process id is left alone."""
    left, stranger = [await spawn(tmp_path, name, "exec sleep 60") for name in ("left", "stranger")]
    record = tmp_path / "children.json"
    began = psutil.Process(left.pid).create_time()
    record.write_bytes(orjson.dumps([(left.pid, began), (stranger.pid, began - 100)]))

    end_leftovers(record, patience_s=0.2)

    assert not psutil.pid_exists(left.pid)
    assert stranger.running
    assert not record.exists()
    await stranger.kill()
    await left.wait()


async def test_never_ready(tmp_path: Path) -> None:
    """A child that ends before it is ready is told with its last lines, at once."""
    child = await spawn(tmp_path, "broken", "echo no such setting; exit 2")

    async def never() -> bool:
        return False

    with pytest.raises(ChildFailed, match=r"(?s)broken ended with status 2.*no such setting"):
        async with asyncio.timeout(5):
            await child.ready(never, timeout_s=60)
