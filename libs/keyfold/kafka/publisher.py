"""Publishing in order: done when the broker has acknowledged every record, and honest when it cannot know."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from keyfold.kafka.batches import built
from keyfold.kafka.connection import ProducerConnection, ProducerOptions, connect
from keyfold.kafka.errors import reading
from keyfold.wire.record import Record


class Publisher:
    """Publishes records to explicit partitions, in order within each, any number of partitions at once.

    Two calls for one partition queue up, so that never two batches of a partition are in flight; calls for
    different partitions share their requests to the broker (`asyncio.gather` them).
    """

    def __init__(self, options: ProducerOptions) -> None:
        self._options = options
        self._connection: ProducerConnection | None = None
        self._connecting = asyncio.Lock()
        self._turns: defaultdict[tuple[str, int], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Connect now rather than at the first publish. Raises Unavailable."""
        await self._connected()

    async def stop(self) -> None:
        """Let go of the broker, within a few seconds even if it does not answer."""
        async with self._connecting:
            if self._connection is not None:
                await self._connection.close()
                self._connection = None

    async def partition_count(self, topic: str) -> int:
        """Return how many partitions a topic has. Raises Unavailable, or Misconfigured without the topic."""
        connection = await self._connected()
        with reading():
            async with asyncio.timeout(self._options.timeout_s):
                return len(await connection.producer.partitions_for(topic))

    async def publish(self, topic: str, partition: int, records: Sequence[Record]) -> int | None:
        """Return the offset after the last record, once the broker has acknowledged all, in their order.

        None where the broker does not say it, or there was no record.
        Raises Unavailable (nothing was written), OutcomeUnknown (send all of them again with the same ids),
        Rejected or Misconfigured. After any of these the next call starts with a fresh producer.
        """
        async with self._turns[topic, partition]:
            connection = await self._connected()
            await connection.require_partition(topic, partition)
            end = None
            for batch in built(connection.producer, records):
                end = await connection.deliver(batch, topic, partition)
            return end

    async def _connected(self) -> ProducerConnection:
        async with self._connecting:
            if self._connection is not None and self._connection.broken.is_set():
                # The old producer must be dead for certain before a new one sends, or their batches cross.
                await self._connection.close()
                self._connection = None
            if self._connection is None:
                self._connection = await connect(self._options)
            return self._connection
