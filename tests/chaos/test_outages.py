"""Kafka and PostgreSQL away for a while, in every way, while journals are written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from typing import Final

import pytest

from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.support.chaos.journalling import Journalling
from tests.support.chaos.reckoning import Reckoning
from tests.support.chaos.stack import ChaosStack
from tests.support.chaos.supervised import Supervised

Way = Callable[[Supervised], AbstractAsyncContextManager[None]]
MISSED_BY: Final = {"kafka": "shipper", "postgres": "audit"}
# Longer than what any of their clients waits for an answer, but for a look at a quick restart.
OUTAGES: Final[tuple[tuple[str, Way, int], ...]] = (
    ("kafka", Supervised.stopped, 60),
    ("kafka", Supervised.stopped, 0),
    ("kafka", Supervised.down, 15),
    ("kafka", Supervised.paused, 30),
    ("postgres", Supervised.stopped, 30),
    ("postgres", Supervised.stopped, 0),
    ("postgres", Supervised.down, 15),
    ("postgres", Supervised.paused, 30),
)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("server", "way", "away_s"), OUTAGES)
async def test_away(
    server: str,
    way: Way,
    away_s: int,
    stack: ChaosStack,
    reckoning: Reckoning,
    record_property: Callable[[str, object], None],
) -> None:
    """Nothing is lost or doubled; services that miss it say so, and go on by themselves."""
    mark = f"{server}-{way.__name__}-{away_s}"
    journal, starts = Journalling(root=stack.state.journal, mark=mark, run_events=2000), stack.starts
    async with journal.flowing():
        await reckoning.goes_on()
        async with way(stack.processes[server]):
            if away_s:
                await stack.processes[MISSED_BY[server]].unready()
            await asyncio.sleep(away_s)
        back_s = SYSTEM_CLOCK.monotonic_s()
        await stack.ready()
        await reckoning.goes_on()
        back_s = SYSTEM_CLOCK.monotonic_s() - back_s
    await reckoning.settled(journal)
    count = await reckoning.check(journal, await reckoning.report())
    row = {"away": server, "how": way.__name__, "for_s": away_s, "back_s": round(back_s, 1)}
    record_property("storage away", row | asdict(count))
    assert {name for name, each in stack.starts.items() if each > starts[name]} <= {server}
