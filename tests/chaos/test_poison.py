"""Poison among events: one record in a hundred is unreadable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from random import Random
from typing import Final

import pytest

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.wire.topics import ACCESS
from tests.support.chaos.journalling import Journalling
from tests.support.chaos.long import IS_LONG
from tests.support.chaos.reckoning import Reckoning
from tests.support.chaos.stack import ChaosStack
from tests.support.chaos.strays import poison

CHUNKS: Final = 100 if IS_LONG else 1
CHUNK_EVENTS, CHUNK_POISON = 10_000, 100
EVENTS_AT_ONCE: Final = 100


@pytest.mark.timeout(900 if IS_LONG else 180)
async def test_poison_among_events(
    stack: ChaosStack, reckoning: Reckoning, record_property: Callable[[str, object], None]
) -> None:
    """Each poison record becomes a dead letter, and each event around it a row, once."""
    journal = Journalling(root=stack.state.journal, mark="poisoned", segment_bytes=8 << 20)
    dead, chance = await reckoning.dead_letters(), Random(1)
    async with Publisher(ProducerOptions(kafka=stack.kafka.access)) as publisher, journal.run() as run:
        for chunk in range(CHUNKS):
            for _ in range(CHUNK_EVENTS // EVENTS_AT_ONCE):
                journal.write(run, EVENTS_AT_ONCE)
                await asyncio.sleep(0)
            records = [poison(f"poison-{chunk}-{number}") for number in range(CHUNK_POISON)]
            await publisher.publish(ACCESS.name, chance.randrange(ACCESS.partitions), records)
    await reckoning.settled(journal)
    count = await reckoning.check(journal, await reckoning.report())
    letters = await reckoning.dead_letters() - dead
    record_property("poison", {"poison": CHUNKS * CHUNK_POISON, "dead_letters": letters} | asdict(count))
    assert letters == CHUNKS * CHUNK_POISON
