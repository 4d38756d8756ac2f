"""A gatekeeper whose journal is on a disk that is full, until it is not."""

from __future__ import annotations

import resource
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from keyfold.local.process.child import Child
from keyfold.local.process.ports import free_ports
from keyfold.local.sample.record import Sample
from keyfold.local.stack import answers_ready
from tests.support.chaos.faults.wire import Answer, Connection
from tests.support.chaos.stack import ChaosStack
from tests.support.chaos.traffic import Traffic
from tests.support.eventually import eventually
from tests.support.gatekeeper.full_disk import Disk, small_disk
from tests.support.gatekeeper.world import journal_records

READY_WITHIN_S = 60.0
REFUSED = "journal_unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A gatekeeper with its own disk, and a client."""

    child: Child
    port: int
    disk: Disk
    traffic: Traffic
    connection: Connection
    numbers: count[int] = field(default_factory=lambda: count(1))

    async def ask(self) -> Answer:
        """Ask for what may pass."""
        await self.connection.open()
        path = f"/v1/patient/{self.traffic.mark}-{next(self.numbers)}"
        return await self.traffic.ask(self.connection, path, self.traffic.sample.key_secret)

    async def asks_until(self, reason: str | None) -> None:
        """Ask until that is the answer."""

        async def is_given() -> bool:
            return (await self.ask()).reason == reason

        await eventually(is_given)

    async def is_ready(self) -> bool:
        """Tell whether it says that it is ready."""
        return await answers_ready(self.port)

    async def is_unready(self) -> bool:
        """Tell whether it says that it is not."""
        return not await answers_ready(self.port)

    def fill_disk(self) -> None:
        """Fill the disk, except for a record or two."""
        if self.disk.is_mounted:
            self.disk.fill()
        else:
            used = max(path.stat().st_size for path in self.disk.path.rglob("*.journal"))
            self._limit(used + 100)

    def free_disk(self) -> None:
        """Make room again."""
        if self.disk.is_mounted:
            self.disk.free()
        else:
            self._limit(resource.RLIM_INFINITY)

    def _limit(self, size_bytes: int) -> None:
        _, hard = resource.prlimit(self.child.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.child.pid, resource.RLIMIT_FSIZE, (size_bytes, hard))


@asynccontextmanager
async def gate(stack: ChaosStack, sample: Sample, disk: Disk) -> AsyncIterator[Gate]:
    """Run a second gatekeeper of the stack whose journal is on the disk."""
    port, authz_port = free_ports(2)
    settings = {"AUTHZ_PORT": str(authz_port), "JOURNAL_DIR": str(disk.path)}
    child = await Child.spawn(stack.command("gatekeeper", port, **settings))
    connection = Connection(authz_port)
    traffic = Traffic(port=authz_port, token=stack.token, sample=sample, mark="full-disk")
    try:
        await child.ready(partial(answers_ready, port), timeout_s=READY_WITHIN_S)
        yield Gate(child=child, port=port, disk=disk, traffic=traffic, connection=connection)
    finally:
        connection.close()
        await child.stop()


@pytest.mark.timeout(180)
async def test_a_full_disk_lets_nothing_through_unlogged(
    stack: ChaosStack,
    sample: Sample,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Without room for its record every request gets 503; with room again everything is as before."""
    with small_disk(tmp_path) as disk:
        async with gate(stack, sample, disk) as full:
            passed = [await full.ask() for _ in range(20)]
            full.fill_disk()
            await full.asks_until(REFUSED)
            refused = [await full.ask() for _ in range(50)]
            await eventually(full.is_unready)
            full.free_disk()
            await full.asks_until(None)
            passed += [await full.ask() for _ in range(20)]
            await eventually(full.is_ready)
            records = journal_records(disk.path)

    assert {answer.status for answer in passed} == {200}
    assert {(answer.status, answer.reason, answer.decision) for answer in refused} == {(503, REFUSED, None)}
    decided = [answer.decision for answer in full.traffic.decided.values()]
    counted = {
        "passed": len(passed),
        "refused": len(refused),
        "decided": len(decided),
        "records": len(records),
    }
    record_property("a full disk", counted)
    assert [record.event_id for record in records] == decided
    assert [record.seq for record in records] == list(range(1, len(decided) + 1))
