"""A relay of the test's own, what may befall it, and what it leaves on the topic."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.partition_reader import end_offset
from keyfold.kafka.publisher import Publisher
from keyfold.relay.forwarding import Forwarding
from keyfold.runtime import metrics
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.store.ledger.append import LEDGER_CHANNEL, Ledger
from keyfold.store.ledger.reading import LedgerReader
from keyfold.store.ledger.relay_offset import RelayOffset
from keyfold.store.postgres.connection import Pool, open_pool
from keyfold.store.postgres.notifications import Notifications
from keyfold.wire.events.chain import GENESIS, ChainedRow, Head
from keyfold.wire.events.record import read_lifecycle_record
from keyfold.wire.record import Record
from tests.support.eventually import eventually
from tests.support.kafka.records import read_all
from tests.support.seals import follow, ledger_on
from tests.support.store.events import append_new, created


class Relay:
    """A relay of the test's own, and what it works on."""

    def __init__(
        self, appends: Ledger, ledger: LedgerReader, offset: RelayOffset, forwarding: Forwarding
    ) -> None:
        self._appends = appends
        self.ledger = ledger
        self.offset = offset
        self.forwarding = forwarding

    async def append(self, *numbers: int) -> None:
        """Append an event for each number."""
        await append_new(self._appends, map(created, numbers))

    async def forwarded(self, position: int) -> None:
        """Wait until the offset is there."""

        async def there() -> bool:
            return await self.offset.position() >= position

        await eventually(there)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """Forward for the length of the block, then die in the middle of it."""
        task = asyncio.create_task(self.forwarding.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])


@asynccontextmanager
async def relay_on(
    database: str,
    kafka: KafkaAccess,
    topic: str,
    publisher: Publisher | None = None,
    ledger_of: Callable[[Pool], LedgerReader] = LedgerReader,
) -> AsyncIterator[Relay]:
    """Yield a relay of a database to a topic, in batches of three."""
    async with (
        open_pool(database, application_name="test") as pool,
        publisher or Publisher(ProducerOptions(kafka=kafka)) as publishing,
        Notifications(database, LEDGER_CHANNEL) as notifications,
    ):
        ledger, offset = ledger_of(pool), RelayOffset(pool)
        yield Relay(
            ledger_on(pool),
            ledger,
            offset,
            Forwarding(
                ledger,
                offset,
                publishing,
                notifications,
                topic_end=partial(end_offset, kafka, topic),
                batch_rows_max=3,
                topic=topic,
            ),
        )


class Died(Exception):
    """The end of a relay, as by kill -9 at that moment."""


class Dies(Publisher):
    """Publishes every third time; at other times its relay dies right before or right after publishing."""

    def __init__(self, options: ProducerOptions) -> None:
        super().__init__(options)
        self._calls = 0

    async def publish(self, topic: str, partition: int, records: Sequence[Record]) -> int | None:
        """Publish, or die before or after it."""
        self._calls += 1
        if self._calls % 3 == 1:
            raise Died
        end = await super().publish(topic, partition, records)
        if self._calls % 3 == 2:
            raise Died
        return end


class AskedLedger(LedgerReader):
    """Notes what it is asked for."""

    def __init__(self, pool: Pool, asked: list[str]) -> None:
        super().__init__(pool)
        self._asked = asked

    async def rows_after(self, position: int, limit: int) -> list[ChainedRow]:
        """Note it, and return them."""
        self._asked.append("rows")
        return await super().rows_after(position, limit)

    async def head(self) -> Head:
        """Note it, and return it."""
        self._asked.append("head")
        return await super().head()


class Holds(Publisher):
    """Publishes once it may, and notes the lag at that time."""

    def __init__(self, options: ProducerOptions, asked: list[str]) -> None:
        super().__init__(options)
        self._asked = asked
        self.let = asyncio.Event()

    async def publish(self, topic: str, partition: int, records: Sequence[Record]) -> int | None:
        """Note it, and publish when let."""
        self._asked.append(f"publish {len(records)} of {read_metric('lag_events'):.0f}")
        await self.let.wait()
        return await super().publish(topic, partition, records)


async def read_rows(kafka: KafkaAccess, topic: str) -> list[ChainedRow]:
    """Return the rows that a topic holds."""
    return [read_lifecycle_record(received) for received in await read_all(kafka, topic)]


def follow_all(rows: Sequence[ChainedRow]) -> int:
    """Return the position that a consumer reaches if it drops repeats and stops at gaps."""
    head = GENESIS
    for row, row_hash, _ in rows:
        head = follow(head, row, row_hash) or head
    return head.position


def read_metric(name: str) -> float:
    """Return the present value of one of the relay's metrics."""
    value = metrics.REGISTRY.get_sample_value(f"keyfold_relay_{name}")
    assert value is not None
    return value
