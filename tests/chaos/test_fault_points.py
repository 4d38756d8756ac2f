"""`kill -9` of shipper and audit service at every step of their loops, while journals are written."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import pytest

from tests.support.chaos.faults import fault_points
from tests.support.chaos.faults.fault_points import FaultPoint
from tests.support.chaos.faults.lives import Lives
from tests.support.chaos.hosts import audit, shipper
from tests.support.chaos.journalling import Journalling
from tests.support.chaos.reckoning import Reckoning
from tests.support.chaos.stack import ChaosStack
from tests.support.chaos.strays import Strays

KILLS: Final = int(os.environ.get("KEYFOLD_KILLS", "0"))
# Every other one of them in the short form.
STEP: Final = 1 if KILLS else 2
SHIPPER: Final = fault_points.SHIPPER[::STEP]
AUDIT: Final = fault_points.AUDIT[::STEP]
POINTS: Final = len(SHIPPER) + len(AUDIT)
KILLS_EACH: Final = max(1, -(-KILLS // POINTS))
INTERVAL_S: Final = 0.05 if KILLS else 0.1


@pytest.mark.timeout(360 + 3 * KILLS)  # dozens of starts, on a machine that may be busy
async def test_killed_at_every_step(
    stack: ChaosStack,
    reckoning: Reckoning,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Wherever the services are killed, each journalled event is in the log once when they are back."""
    journals = {
        point: Journalling(root=tmp_path, mark=f"{service}-{index}", interval_s=INTERVAL_S)
        for service, points in (("shipper", SHIPPER), ("audit", AUDIT))
        for index, point in enumerate(points)
    }
    strays = Strays(kafka=stack.kafka.access, sources=list(journals.values()))
    began, dead = await reckoning.ends(), await reckoning.dead_letters()
    async with shipper(stack, tmp_path) as ships, audit(stack) as files:
        async with strays.flowing():
            await asyncio.gather(
                kill_at_points(ships, SHIPPER, journals, reckoning),
                kill_at_points(files, AUDIT, journals, reckoning),
            )
        await reckoning.settled(*journals.values())
        report = await reckoning.report()
        counts = {point: await reckoning.check(journal, report) for point, journal in journals.items()}
        came = await reckoning.came(began)
    for point, count in counts.items():
        process = "shipper" if point in SHIPPER else "audit"
        row = {"process": process, "killed": point.name}
        record_property("kill -9 at every step", row | {"kills": KILLS_EACH} | asdict(count))

    assert await reckoning.dead_letters() - dead == strays.poison > 0
    assert came == sum(count.rows + count.dropped for count in counts.values())
    assert sum(count.dropped for count in counts.values()) > strays.repeats


async def kill_at_points(
    service: Lives,
    points: Sequence[FaultPoint],
    journals: Mapping[FaultPoint, Journalling],
    reckoning: Reckoning,
) -> None:
    """Kill a service at each point as often as is wanted, while journals of that point are written; then have
    it live.
    """
    for point in points:
        async with journals[point].flowing():
            for kill in range(KILLS_EACH):
                await service.end_at(point, 1 + kill % point.passages_max)
        if KILLS:
            # Else each life would begin with more of what those before it did not get done.
            await service.live_until(reckoning.settled(journals[point]))
    await service.begin()
