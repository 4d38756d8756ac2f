"""What else arrives on the access topic: repeated events, on any partition and in any order, and poison."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from random import Random

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.record import Record
from keyfold.wire.topics import ACCESS
from tests.support.access_events import record_of
from tests.support.chaos.journalling import Journalling

INTERVAL_S = 0.1
# A reader that sees nothing else must not take the topic for unreadable: it stops at a tenth.
REPEATS_AT_ONCE = 10


@dataclass(slots=True, kw_only=True)
class Strays:
    """Publishes past every shipper; `repeats` and `poison` count what Kafka has confirmed."""

    kafka: KafkaAccess
    sources: Sequence[Journalling]
    repeats: int = 0
    poison: int = 0
    _chance: Random = field(default_factory=lambda: Random(7))
    _numbers: count[int] = field(default_factory=lambda: count(1))

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Publish during the block."""
        over = asyncio.Event()
        async with Publisher(ProducerOptions(kafka=self.kafka)) as publisher:
            publishing = asyncio.create_task(self._publish(publisher, over), name="strays")
            try:
                yield
            finally:
                over.set()
                await publishing

    async def _publish(self, publisher: Publisher, over: asyncio.Event) -> None:
        while not over.is_set():
            recent = [event for source in self.sources for event in source.recent]
            again = self._chance.sample(recent, min(REPEATS_AT_ONCE, len(recent)))
            await publisher.publish(ACCESS.name, self._partition(), [record_of(event) for event in again])
            self.repeats += len(again)
            await publisher.publish(ACCESS.name, self._partition(), [poison(f"stray-{next(self._numbers)}")])
            self.poison += 1
            await asyncio.sleep(INTERVAL_S)

    def _partition(self) -> int:
        return self._chance.randrange(ACCESS.partitions)


def poison(name: str) -> Record:
    """Return a record of that name that is not an access event."""
    return Record(
        key=None,
        value=b'{"no": "event"}',
        headers=(("ce_id", name.encode()),),
        timestamp_ms=1_700_000_000_000,
    )
