"""Events that come several times, from any partition and in any order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Final

import pytest

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.wire.topics import ACCESS
from tests.support.access_events import record_of
from tests.support.chaos.hosts import another_audit
from tests.support.chaos.journalling import Journalling, event_of
from tests.support.chaos.reckoning import Reckoning
from tests.support.chaos.stack import ChaosStack

EVENTS: Final = 200_000
TIMES: Final = 3


@pytest.mark.timeout(600)
async def test_everything_several_times_in_any_order(
    stack: ChaosStack,
    reckoning: Reckoning,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Two audit services that read the same events from different partitions file each of them once."""
    journal = Journalling(root=stack.state.journal, mark="shuffled")
    events = [event_of(f"{journal.mark}.1", seq) for seq in range(1, EVENTS + 1)]
    journal.told.update(event.event_id for event in events)
    records = [record_of(event) for event in events] * TIMES
    Random(2).shuffle(records)
    async with another_audit(stack, tmp_path / "another.log") as other:
        await other.begin()
        await reckoning.shared_by(2)
        async with Publisher(ProducerOptions(kafka=stack.kafka.access)) as publisher:
            await asyncio.gather(
                *(
                    publisher.publish(ACCESS.name, each, records[each :: ACCESS.partitions])
                    for each in range(ACCESS.partitions)
                )
            )
        await reckoning.settled(journal)
        count = await reckoning.check(journal, await reckoning.report())
    record_property("everything several times", {"published": len(records)} | asdict(count))
    assert count.dropped == len(records) - len(events)
