"""Reading one partition from a known offset on, without a group, through broker restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.kafka import consumer as driver
from libs.kafka.errors import Stalled, Unavailable
from libs.kafka.watchdog import Lag, Watchdog
from libs.wire.record import Received

RECORDS_MAX = 10_000
REOPEN_PAUSE_S = 0.5


class PartitionReader:
    """Reads a partition in order, each record once, from `offset` on.

    While the broker is away it reads nothing and goes on by itself when the broker is back. When there is
    something to read that does not come for `stall_timeout_s`, the consumer is made anew; if that does not
    help either, `read` raises Stalled.
    """

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        partition: int = 0,
        *,
        offset: int,
        client_id: str = "keyfold",
        stall_timeout_s: float = 15.0,
    ) -> None:
        self._bootstrap = bootstrap
        self._at = TopicPartition(topic, partition)
        self._client_id = client_id
        self._next_offset = offset
        self._consumer: AIOKafkaConsumer | None = None
        self._watchdog = Watchdog(interval_s=stall_timeout_s, due_at_s=0)
        self._remade = False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def next_offset(self) -> int:
        """The offset of the record that `read` will return first."""
        return self._next_offset

    async def start(self) -> None:
        """Connect and check that the topic exists. Raises Unavailable or Misconfigured."""
        await self._open()

    async def stop(self) -> None:
        """Let go of the broker, within a few seconds even if it does not answer."""
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await driver.stop(consumer)

    async def end_offset(self) -> int:
        """Return the offset that the partition's next record will get: its length, if nothing was deleted.

        Raises Unavailable.
        """
        ends = await driver.end_offsets(await self._open(), self._at.topic, frozenset({self._at.partition}))
        return ends[self._at.partition]

    async def read(self, records_max: int = RECORDS_MAX, timeout_s: float = 1.0) -> list[Received]:
        """Return the next records in order; an empty list when none came in time, or the broker is away.

        Raises RecordsGone when the next offset is not there any more, and Stalled.
        """
        try:
            consumer = await self._open()
        except Unavailable:
            await asyncio.sleep(min(REOPEN_PAUSE_S, timeout_s))
            return []
        fetched = await driver.fetch(consumer, records_max=records_max, timeout_s=timeout_s)
        records = fetched.get(self._at.partition, [])
        if records:
            self._next_offset = records[-1].offset + 1
            self._remade = False
        await self._watch()
        return records

    async def __aiter__(self) -> AsyncIterator[list[Received]]:
        """Yield batches for ever, none of them empty."""
        while True:
            if records := await self.read():
                yield records

    async def _open(self) -> AIOKafkaConsumer:
        if self._consumer is not None:
            return self._consumer
        consumer = driver.make(self._bootstrap, self._client_id)
        await driver.start(consumer, self._at.topic)
        consumer.assign([self._at])
        consumer.seek(self._at, self._next_offset)
        self._watchdog.restart(_now_s())
        self._consumer = consumer
        return consumer

    async def _watch(self) -> None:
        if not self._watchdog.due(_now_s(), partitions=1):
            return
        try:
            lag = Lag(next_offset=self._next_offset, end_offset=await self.end_offset())
        except Unavailable:  # a broker that is away is no fault of the consumer
            self._watchdog.restart(_now_s())
            return
        if self._watchdog.stuck(_now_s(), {self._at.partition: lag}):
            await self._remake(lag)

    async def _remake(self, lag: Lag) -> None:
        if self._remade:
            raise Stalled(f"{self._at.topic}[{self._at.partition}] at {lag.next_offset} of {lag.end_offset}")
        self._remade = True
        await self.stop()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
