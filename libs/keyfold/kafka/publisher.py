"""Publishes in order: done once the broker has acknowledged all, and honest if the outcome is unknown."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from keyfold.kafka.batches import build_batches
from keyfold.kafka.connection import ProducerConnection, ProducerOptions, connect
from keyfold.kafka.errors import translate_read_errors
from keyfold.wire.record import Record


class Publisher:
    """Publishes records to given partitions, in order within each, to any number of partitions at once.

    Calls for one partition queue up, so that at most one batch of a partition is in flight; calls for
    different partitions share requests to the broker (`asyncio.gather` them).
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
        await self._connect()

    async def stop(self) -> None:
        """Disconnect, within a few seconds even if the broker does not answer."""
        async with self._connecting:
            if self._connection is not None:
                await self._connection.close()
                self._connection = None

    async def partition_count(self, topic: str) -> int:
        """Return how many partitions a topic has. Raises Unavailable or KafkaMisconfigured."""
        connection = await self._connect()
        with translate_read_errors():
            async with asyncio.timeout(self._options.timeout_s):
                return len(await connection.producer.partitions_for(topic))

    async def publish(self, topic: str, partition: int, records: Sequence[Record]) -> int | None:
        """Return the offset after the last record, once the broker has acknowledged all of them, in order.

        Returns None if the broker does not say, or there was no record. Raises Unavailable (nothing was
        written), OutcomeUnknown (send all of them again with the same ids), RecordsRejected or
        KafkaMisconfigured. After any of these the next call starts with a fresh producer.
        """
        async with self._turns[topic, partition]:
            connection = await self._connect()
            await connection.require_partition(topic, partition)
            end = None
            for batch in build_batches(connection.producer, records):
                end = await connection.deliver(batch, topic, partition)
            return end

    async def _connect(self) -> ProducerConnection:
        async with self._connecting:
            if self._connection is not None and self._connection.broken.is_set():
                # The old producer must certainly be dead before a new one sends, or their batches could
                # cross.
                await self._connection.close()
                self._connection = None
            if self._connection is None:
                self._connection = await connect(self._options)
            return self._connection
