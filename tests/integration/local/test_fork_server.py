"""Forked processes are like any other, and end with the fork server."""

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
from keyfold.local.process.fork_server import ForkServer
from tests.support.eventually import eventually

FACTS = "tests.support.local.forked_facts"


def command(fork_server: ForkServer, directory: Path, module: str = FACTS, *arguments: str) -> ProcessSpec:
    """Return the command that forks a module."""
    return ProcessSpec(
        name=module,
        argv=[sys.executable, "-m", module, *arguments],
        env={"KEYFOLD_LOG_FORMAT": "json"},
        log_path=directory / f"{module}{len(arguments)}.log",
        cwd=directory,
        fork_server=fork_server,
    )


async def facts_of(child: Child) -> Any:
    """Return the facts that the child writes about itself."""

    async def read_log() -> Any:
        child.require_running()
        assert child.command.log_path is not None
        return orjson.loads(child.command.log_path.read_bytes() or b"null")

    return await eventually(read_log)


def processes_of(child: Child) -> tuple[psutil.Process, psutil.Process]:
    """Return the child's process and the fork server's."""
    process = psutil.Process(child.pid)
    parent = process.parent()
    assert parent is not None
    return process, parent


async def test_as_any_other(fork_server: ForkServer, tmp_path: Path) -> None:
    """It has its own arguments, environment, directory, session, log and randomness, and an empty input."""
    one, two = await asyncio.gather(
        Child.spawn(command(fork_server, tmp_path, FACTS, "one")),
        Child.spawn(command(fork_server, tmp_path, FACTS, "two", "three")),
    )
    told = await facts_of(one), await facts_of(two)
    await asyncio.gather(one.kill(), two.stop())
    assert (await one.wait(), await two.wait()) == (-signal.SIGKILL, -signal.SIGTERM)
    assert [each["arguments"] for each in told] == [["one"], ["two", "three"]]
    assert {each["directory"] for each in told} == {str(tmp_path)}
    assert told[0]["environment"] == {**os.environ, "KEYFOLD_LOG_FORMAT": "json"}
    assert told[0]["event_id"] != told[1]["event_id"]
    assert all(each["leads"] and each["reads"] == "" for each in told)


async def test_status(fork_server: ForkServer, tmp_path: Path) -> None:
    """Its exit status arrives: here that of a service without settings, which names them in its log."""
    child = await Child.spawn(command(fork_server, tmp_path, "keyfold.relay"))
    assert await child.wait() == 2
    assert "KEYFOLD_POSTGRES_DSN" in (tmp_path / "keyfold.relay0.log").read_text()


async def test_ends(tmp_path: Path) -> None:
    """Forked processes end when the fork server is killed, after which others can be forked, or closed."""
    own = ForkServer(tmp_path / "fork-server.log")
    child = await Child.spawn(command(own, tmp_path))
    await facts_of(child)
    process, server = processes_of(child)
    server.kill()
    assert await child.wait() == -signal.SIGTERM
    await asyncio.to_thread(process.wait, 10)
    again = await Child.spawn(command(own, tmp_path, FACTS, "again"))
    assert (await facts_of(again))["arguments"] == ["again"]
    late = asyncio.create_task(own.fork(command(own, tmp_path, FACTS, "late")))
    await asyncio.sleep(0)
    processes = processes_of(again)
    await own.close()
    with pytest.raises(ChildFailed):
        await late
    assert not psutil.wait_procs(processes, timeout=10)[1]


async def test_cannot_fork(tmp_path: Path) -> None:
    """When modules cannot be imported, the error has the log's last lines, and tries come to an end."""
    broken = ForkServer(tmp_path / "fork-server.log", ("keyfold.nowhere",))
    with pytest.raises(
        ChildFailed, match=r"(?s)keyfold.relay cannot begin; .*fork-server.log:\n.*'keyfold.nowhere'"
    ):
        await Child.spawn(command(broken, tmp_path, "keyfold.relay"))
    await broken.close()
