"""A thousand revocations on real processes, under load, with pauses and kills thrown in."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from itertools import cycle, islice
from typing import Final

import aiohttp
import pytest

from keyfold.local.sample.record import Sample
from tests.support.chaos.revocations import WAIT_S, Load, Revokers, Tally
from tests.support.chaos.stack import ChaosStack
from tests.support.chaos.supervised import Supervised
from tests.support.database import execute

REVOCATIONS: Final = int(os.environ.get("KEYFOLD_REVOCATIONS", "60"))
AT_ONCE: Final = 20
LEASE_S: Final = 3
KILL: Final = None
ASKED_BEFORE_WAKING_S: Final = 0.2
# How long a gatekeeper is paused: past its lease and the margin, within its lease, past its lease alone.
FAULTS: Final = ((0, 9.5), (1, KILL), (1, 0.5), (0, KILL), (1, 9.5), (0, 4.5), (1, KILL), (0, 0.5))


@pytest.mark.timeout(180 + 2 * REVOCATIONS)
async def test_a_thousand_revocations(
    stack: ChaosStack, sample: Sample, record_property: Callable[[str, object], None]
) -> None:
    """Once an answer has said `enforced: true`, nobody receives an allow for that key."""
    timeout = aiohttp.ClientTimeout(total=2 * WAIT_S)
    tally = Tally()
    async with (
        two_gatekeepers(stack) as (gatekeepers, ports),
        aiohttp.ClientSession(timeout=timeout) as session,
    ):
        load = Load(ports=ports, token=stack.token, sample=sample, tally=tally)
        revokers = Revokers(stack=stack, session=session, load=load)
        async with load.flowing(), revokers.at_work():
            for index, paused_s in islice(cycle(FAULTS), REVOCATIONS // AT_ONCE):
                if paused_s is KILL:
                    revokers.issue(AT_ONCE)
                    await asyncio.sleep(0.1)  # some are done by now, some under way, some have yet to begin
                    await gatekeepers[index].kill()
                    tally.kills += 1
                else:
                    await _pause(gatekeepers[index], paused_s, revokers, ports[index])
                    tally.pauses += 1
                await gatekeepers[index].ready()
    record_property("revocations under load", asdict(tally))

    assert tally.allows_after == 0
    assert tally.enforced_true == tally.revocations == REVOCATIONS // AT_ONCE * AT_ONCE
    assert tally.allows_before >= REVOCATIONS
    assert tally.denials_after >= 2 * REVOCATIONS
    assert tally.longest_wait_s > LEASE_S


async def _pause(gatekeeper: Supervised, paused_s: float, revokers: Revokers, port: int) -> None:
    async with revokers.load.siege(port) as besiege:
        async with revokers.held_back(AT_ONCE):
            pause = AsyncExitStack()
            await pause.enter_async_context(gatekeeper.paused())
        async with pause:
            await asyncio.sleep(paused_s)
            # So that it finds, when it wakes, questions beside the events that it has not read.
            questions = asyncio.create_task(besiege(), name="siege")
            await asyncio.sleep(ASKED_BEFORE_WAKING_S)
        await questions


@asynccontextmanager
async def two_gatekeepers(stack: ChaosStack) -> AsyncIterator[tuple[list[Supervised], tuple[int, ...]]]:
    """Yield two more gatekeepers with a short lease, ready, and where they may be asked."""
    made = [stack.another_gatekeeper(STALENESS_MAX_S=str(LEASE_S)) for _ in range(2)]
    gatekeepers = [gatekeeper for gatekeeper, _ in made]
    try:
        for each in gatekeepers:
            each.keep()
        await asyncio.gather(*(each.ready() for each in gatekeepers))
        # Those that tests before this one have killed: a lease of theirs is a minute long, and waited for.
        await execute(
            stack.postgres.dsn,
            "delete from ledger.gatekeepers where renewed_at < clock_timestamp() - interval '5 s'",
        )
        yield gatekeepers, tuple(port for _, port in made)
    finally:
        await asyncio.gather(*(each.stop() for each in gatekeepers))
