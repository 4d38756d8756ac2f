"""The local stack's life, without Keyfold's services: what holds them together is the same."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import psutil

from libs.kafka.connection import ProducerOptions
from libs.kafka.publisher import Publisher
from libs.wire.topics import LIFECYCLE
from services.cli.local.kafka_jars import artifact, class_path, version
from tests.integration.kafka.records import numbered, read_all, values
from tests.integration.local.raw_http import send

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 10
POLL_INTERVAL_S = 0.05


class Running:
    """A stack in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, state_dir: Path) -> None:
        self.process = process
        self._file = state_dir / "stack.json"
        self._stale = self._file.read_bytes() if self._file.exists() else None

    @property
    def record(self) -> dict[str, Any]:
        """What `stack.json` says."""
        return dict(orjson.loads(self._file.read_bytes()))

    @property
    def mode(self) -> int:
        """Who may read `stack.json`."""
        return stat.S_IMODE(self._file.stat().st_mode)

    async def ready(self) -> None:
        """Wait until the stack says that it is ready."""
        async with asyncio.timeout(START_TIMEOUT_S):
            while not self._file.exists() or self._file.read_bytes() == self._stale:
                assert self.process.returncode is None, await self.output()
                await asyncio.sleep(POLL_INTERVAL_S)

    async def output(self) -> str:
        """Wait for the end and return all that was printed."""
        async with asyncio.timeout(STOP_TIMEOUT_S):
            printed, _ = await self.process.communicate()
        return printed.decode()


@asynccontextmanager
async def stack(state_dir: Path) -> AsyncIterator[Running]:
    """Start a stack; whatever happens, it is gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.local.bare_stack",
        str(state_dir),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    running = Running(process, state_dir)
    try:
        yield running
    finally:
        if process.returncode is None:
            process.terminate()
            await running.output()


async def all_gone(pids: Iterable[int]) -> None:
    """Wait until none of the processes runs."""
    async with asyncio.timeout(STOP_TIMEOUT_S):
        for pid in pids:
            while _runs(pid):  # noqa: ASYNC110 - another process's end sets no event of ours
                await asyncio.sleep(POLL_INTERVAL_S)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_life(tmp_path: Path) -> None:
    """A stack tells its user alone where it is, keeps others out, stops clean, and finds its data again."""
    async with stack(tmp_path) as first:
        await first.ready()
        record, pids = first.record, first.record["pids"].values()
        assert first.mode == 0o600
        assert {"gateway", "kafka", "postgres", "gateway_token", "pids"} <= record.keys()
        async with Publisher(ProducerOptions(bootstrap=record["kafka"])) as publisher:
            await publisher.publish(LIFECYCLE.name, 0, numbered(0, 10))
        async with stack(tmp_path) as second:
            assert "another stack runs in" in await second.output()
            assert second.process.returncode == 1
        assert first.record == record
        first.process.send_signal(signal.SIGINT)
        printed = await first.output()
        assert first.process.returncode == 0, printed
        assert "Keyfold is ready" in printed
    await all_gone(pids)
    assert not (tmp_path / "stack.json").exists()

    async with stack(tmp_path) as again:
        await again.ready()
        assert values(await read_all(again.record["kafka"], LIFECYCLE.name)) == list(range(10))


async def test_kill_9(tmp_path: Path) -> None:
    """A stack that is killed leaves no process behind, and the next start in its directory works."""
    async with stack(tmp_path) as killed:
        await killed.ready()
        pids = killed.record["pids"].values()
        killed.process.kill()
        await killed.process.wait()
    await all_gone(pids)
    async with stack(tmp_path) as after:
        await after.ready()
        status, _ = await send(int(after.record["gateway"].rpartition(":")[2]), "GET", "/v1/patient")
        assert status > 0


async def test_child_dies(tmp_path: Path) -> None:
    """A child that dies takes the stack down, which says its name and its last lines of log."""
    async with stack(tmp_path) as doomed:
        await doomed.ready()
        pids = doomed.record["pids"]
        os.kill(pids["kafka"], signal.SIGKILL)
        printed = await doomed.output()
    assert doomed.process.returncode == 1
    assert "kafka ended with status -9; the last lines of" in printed
    assert "Kafka Server started" in printed
    await all_gone(pids.values())


async def test_two_stacks(tmp_path: Path) -> None:
    """Two stacks in two directories run side by side."""
    async with stack(tmp_path / "one") as one, stack(tmp_path / "two") as two:
        await asyncio.gather(one.ready(), two.ready())
        assert one.record["kafka"] != two.record["kafka"]
        assert one.record["gateway_token"] != two.record["gateway_token"]


def test_one_kafka_version() -> None:
    """Kafka's clients and its server are of one version."""
    jars = {artifact(jar): version(jar) for jar in class_path()}
    assert jars["kafka-clients"] == jars["kafka_2.13"] == "4.4.0"
    assert "log4j-slf4j-impl" in jars
