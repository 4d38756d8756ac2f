"""Lifecycle events at a steady rate, as after an import: made beforehand, sent by the clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count, islice

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.domain.lifecycle.subscriber_key import SubscriberKeyPermissionsChanged, SubscriberKeyRenamed
from keyfold.domain.permissions import Access, Category, Permissions
from keyfold.kafka.access import client_options
from keyfold.kafka.batches import build_batches
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.store.postgres.connection import open_connection
from keyfold.wire.topics import LIFECYCLE
from tests.bench.batches import batches
from tests.bench.sides.practices import Practices
from tests.support.ledger_builder import LedgerBuilder, account_id, key_id

EVENTS_A_BATCH = 100
BATCH_BYTES_MAX = 512 * 1024  # all of a batch's events in one
MOVE_HEAD = "update ledger.head set position = $1, hash = $2"
GRANTED = tuple(
    Permissions.of({Category.PATIENT: Access.READ, Category.CONTACT: contact})
    for contact in (Access.NONE, Access.READ)
)


class EventStream:
    """Changes to the practices' keys; no ledger has them, but its head is moved as if it did."""

    def __init__(self, producer: AIOKafkaProducer, dsn: str, world: Practices) -> None:
        self._producer = producer
        self._dsn = dsn
        self._events = _changes(len(world.subscriber_keys))
        self._ledger = LedgerBuilder()

    async def prepare(self, events: int) -> list[BatchBuilder]:
        """Return the next events as batches that are ready to send."""
        sent = len(self._ledger.rows)
        for event in islice(self._events, events):
            self._ledger.add(event)
        async with open_connection(self._dsn, application_name="bench") as connection:
            await connection.execute(MOVE_HEAD, self._ledger.head.position, self._ledger.head.hash)
        records = self._ledger.records(sent, batch=EVENTS_A_BATCH)
        return [
            batch
            for each in batches(records, EVENTS_A_BATCH)
            for batch in build_batches(self._producer, each)
        ]

    @property
    def position(self) -> int:
        """The position of the last event that was prepared."""
        return self._ledger.head.position

    async def send(self, prepared: list[BatchBuilder], events_per_s: int) -> None:
        """Send the batches at that rate."""
        began_s, sent = SYSTEM_CLOCK.monotonic_s(), 0
        for batch in prepared:
            await asyncio.sleep(began_s + sent / events_per_s - SYSTEM_CLOCK.monotonic_s())
            await self._producer.send_batch(batch, LIFECYCLE.name, partition=0)
            sent += batch.record_count()


@asynccontextmanager
async def open_event_stream(kafka: KafkaAccess, dsn: str, world: Practices) -> AsyncIterator[EventStream]:
    """Yield a stream of changes to keys that the practices have."""
    producer = AIOKafkaProducer(
        **client_options(kafka), enable_idempotence=True, linger_ms=0, max_batch_size=BATCH_BYTES_MAX
    )
    await producer.start()
    try:
        yield EventStream(producer, dsn, world)
    finally:
        await producer.stop()


def _changes(keys: int) -> Iterator[LifecycleEvent]:
    for number in count():
        key, account = key_id(number % keys + 1), account_id(number % keys + 1)
        if number % 2:
            yield SubscriberKeyRenamed(key_id=key, account_id=account, name=f"Reminders {number}")
        else:
            granted = GRANTED[number // keys % 2]
            yield SubscriberKeyPermissionsChanged(key_id=key, account_id=account, permissions=granted)
