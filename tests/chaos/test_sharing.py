"""Audit services that share the partitions: they come and go in the middle of batches, one is a zombie."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.support.chaos.faults.fault_points import COMMITTING, WRITING
from tests.support.chaos.hosts import another_audit
from tests.support.chaos.journalling import Journalling
from tests.support.chaos.reckoning import Reckoning
from tests.support.chaos.stack import ChaosStack
from tests.support.eventually import eventually

ROUNDS = 20
FENCED_WITHIN_S = 60.0


@pytest.mark.timeout(180 + 20 * ROUNDS)
async def test_members_come_and_go(
    stack: ChaosStack,
    reckoning: Reckoning,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Each event is in the log once, whichever process had its partition and was killed before a commit."""
    journal = Journalling(root=stack.state.journal, mark="members")
    async with (
        another_audit(stack, tmp_path / "dies.log") as dies,
        another_audit(stack, tmp_path / "leaves.log") as leaves,
        journal.flowing(),
    ):
        for _ in range(ROUNDS):
            pid = await leaves.begin()
            await dies.end_at(COMMITTING, passage=3)
            await reckoning.goes_on()
            os.kill(pid, signal.SIGTERM)
            assert await leaves.ended() == 0
    await reckoning.settled(journal)
    count = await reckoning.check(journal, await reckoning.report())
    record_property("members come and go", {"joined": 2 * ROUNDS, "killed": ROUNDS} | asdict(count))


@pytest.mark.timeout(180)
async def test_a_zombie_files_nothing(
    stack: ChaosStack,
    reckoning: Reckoning,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """A process frozen with a batch is replaced, and finds when it wakes that others have filed the batch."""
    journal, zombie_log = Journalling(root=stack.state.journal, mark="zombie"), tmp_path / "zombie.log"

    async def is_fenced() -> bool:
        return '"offsets_moved"' in await asyncio.to_thread(zombie_log.read_text)

    async with another_audit(stack, zombie_log) as zombie, journal.flowing():
        pid = await zombie.begin(WRITING, passage=3, strike=signal.SIGSTOP)
        await eventually(lambda: _is_frozen(pid))
        held = await reckoning.filed()
        await eventually(lambda: _are_all_filed_from(reckoning, held), within_s=FENCED_WITHIN_S)
        assert not await is_fenced()
        os.kill(pid, signal.SIGCONT)
        await eventually(is_fenced)
        await reckoning.goes_on()
        os.kill(pid, signal.SIGTERM)
        assert await zombie.ended() == 0
    await reckoning.settled(journal)
    record_property("a zombie", asdict(await reckoning.check(journal, await reckoning.report())))


async def _is_frozen(pid: int) -> bool:
    state = await asyncio.to_thread(Path(f"/proc/{pid}/stat").read_text)
    return state.rpartition(")")[2].split()[0] == "T"


async def _are_all_filed_from(reckoning: Reckoning, before: dict[int, int]) -> bool:
    return all(now > before[partition] for partition, now in (await reckoning.filed()).items())
