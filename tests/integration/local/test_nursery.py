"""Processes that begin with their modules read are as any other, and end with what they began from."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from keyfold.local.process.child import Child, ChildFailed, ProcessSpec
from keyfold.local.process.nursery import Nursery
from tests.support.eventually import eventually

FACTS = "tests.support.local.newborn_facts"


def command(nursery: Nursery, directory: Path, module: str = FACTS, *arguments: str) -> ProcessSpec:
    """Return how a module begins."""
    return ProcessSpec(
        name=module,
        argv=[sys.executable, "-m", module, *arguments],
        env={"KEYFOLD_LOG_FORMAT": "json"},
        log_path=directory / f"{module}{len(arguments)}.log",
        cwd=directory,
        begins_in=nursery,
    )


async def facts_of(child: Child) -> Any:
    """Return what it said of itself."""

    async def said() -> Any:
        child.require_running()
        assert child.command.log_path is not None
        return orjson.loads(child.command.log_path.read_bytes() or b"null")

    return await eventually(said)


def family_of(child: Child) -> tuple[psutil.Process, psutil.Process]:
    """Return its process, and what that began from."""
    process = psutil.Process(child.pid)
    parent = process.parent()
    assert parent is not None
    return process, parent


async def test_as_any_other(nursery: Nursery, tmp_path: Path) -> None:
    """It has arguments, environment, directory, session, log and randomness of its own; nothing to read."""
    one, two = await asyncio.gather(
        Child.spawn(command(nursery, tmp_path, FACTS, "one")),
        Child.spawn(command(nursery, tmp_path, FACTS, "two", "three")),
    )
    told = await facts_of(one), await facts_of(two)
    await asyncio.gather(one.kill(), two.stop())
    assert (await one.wait(), await two.wait()) == (-signal.SIGKILL, -signal.SIGTERM)
    assert [each["arguments"] for each in told] == [["one"], ["two", "three"]]
    assert {each["directory"] for each in told} == {str(tmp_path)}
    assert told[0]["environment"] == {**os.environ, "KEYFOLD_LOG_FORMAT": "json"}
    assert told[0]["event_id"] != told[1]["event_id"]
    assert all(each["leads"] and each["reads"] == "" for each in told)


async def test_status(nursery: Nursery, tmp_path: Path) -> None:
    """Its exit status is its own, here that of a service without settings, which names them in its log."""
    child = await Child.spawn(command(nursery, tmp_path, "keyfold.relay"))
    assert await child.wait() == 2
    assert "KEYFOLD_POSTGRES_DSN" in (tmp_path / "keyfold.relay0.log").read_text()


async def test_ends(tmp_path: Path) -> None:
    """What begins from it ends with it: when it is killed, after which another begins, or closed."""
    own = Nursery(tmp_path / "nursery.log")
    child = await Child.spawn(command(own, tmp_path))
    await facts_of(child)
    process, begun_from = family_of(child)
    begun_from.kill()
    assert await child.wait() == -signal.SIGTERM
    await asyncio.to_thread(process.wait, 10)
    again = await Child.spawn(command(own, tmp_path, FACTS, "again"))
    assert (await facts_of(again))["arguments"] == ["again"]
    late = asyncio.create_task(own.begin(command(own, tmp_path, FACTS, "late")))
    await asyncio.sleep(0)
    family = family_of(again)
    await own.close()
    with pytest.raises(ChildFailed):
        await late
    assert not psutil.wait_procs(family, timeout=10)[1]


async def test_nothing_begins(tmp_path: Path) -> None:
    """Where modules cannot be read, that is said with the last lines of its log, and not tried for ever."""
    broken = Nursery(tmp_path / "nursery.log", (sys.executable, "-c", "raise SystemExit('no such module')"))
    with pytest.raises(ChildFailed, match=r"services.relay cannot begin; .*nursery.log:\n  no such module"):
        await Child.spawn(command(broken, tmp_path, "services.relay"))
    await broken.close()
