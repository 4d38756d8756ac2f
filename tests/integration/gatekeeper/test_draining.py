"""A gatekeeper that is stopped while questions keep coming."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

from tests.support.chaos.faults.wire import Connection, Cut
from tests.support.eventually import eventually
from tests.support.gatekeeper.practice import BOTH, practice
from tests.support.gatekeeper.world import CADDY_TOKEN, Gatekeeper, World

QUESTION = {
    "X-Gateway-Token": CADDY_TOKEN,
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Uri": "/v1/patient/7",
    **BOTH,
}
PAUSES_S = (0.0,) * 8 + (0.02, 0.05, 0.1, 0.3)
HELD_UP_S = 0.7
"""A caller that the machine held up for so long does not ask on a connection which a drain, that waits for a
second, may have closed."""


@dataclass(slots=True)
class Asked:
    """The outcomes of questions that were each asked once."""

    statuses: Counter[int] = field(default_factory=Counter)
    cut: int = 0

    async def ask_on(self, port: int, pause_s: float, *, is_kept: bool) -> None:
        """Keep asking, on one connection or on a new one each time, until nobody listens."""
        connection = Connection(port)
        now_s = asyncio.get_running_loop().time
        began_s = now_s()
        while True:
            try:
                await connection.open()
            except OSError:
                return  # nothing was asked
            waited_s, began_s = now_s() - began_s, now_s()
            if waited_s > HELD_UP_S:
                connection.close()
                continue
            try:
                self.statuses[(await connection.ask("/authz", QUESTION)).status] += 1
            except Cut:
                self.cut += 1
            if not is_kept:
                connection.close()
            await asyncio.sleep(pause_s)

    async def has(self, count: int) -> None:
        """Return when so many questions were answered."""

        async def is_so() -> bool:
            return self.statuses.total() >= count

        await eventually(is_so)


async def stop_midway(gatekeeper: Gatekeeper, asked: Asked) -> int:
    """Stop a gatekeeper while questions come; return its exit status."""
    port = gatekeeper.authz_port
    callers = [
        asyncio.create_task(asked.ask_on(port, pause_s, is_kept=is_kept))
        for pause_s in PAUSES_S
        for is_kept in (True, False)
    ]
    await asked.has(500)
    psutil.Process(gatekeeper.child.pid).terminate()
    async with asyncio.timeout(20):
        await asyncio.gather(*callers)
    return await gatekeeper.ended()


async def test_a_stop_loses_no_question(world: World, record_property: Callable[[str, object], None]) -> None:
    """From SIGTERM to its end a gatekeeper answers all that is asked, on connections kept or new, and records
    it; nobody is cut off, and nobody has to ask twice."""
    await world.append(*practice())
    await world.project()
    asked = Asked()
    async with world.gatekeeper() as gatekeeper:
        assert await stop_midway(gatekeeper, asked) == 0
        records = gatekeeper.journal()
    record_property("questions through a drain", {"answered": asked.statuses.total(), "cut off": asked.cut})
    assert (set(asked.statuses), asked.cut) == ({200}, 0)
    assert len(records) == asked.statuses.total()
