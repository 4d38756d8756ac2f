"""Reads partitions of a topic from known offsets on, without a group, through restarts of the broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType, TracebackType
from typing import Self

import structlog
from aiokafka import AIOKafkaConsumer

from keyfold.kafka import consumer as driver
from keyfold.kafka.errors import RecordsUnreadable, Stalled, Unavailable
from keyfold.kafka.unreadable import read_around
from keyfold.kafka.watchdog import Lag, Watchdog
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.record import Received

RECORDS_MAX = 10_000
REOPEN_PAUSE_S = 0.5
NOTHING: Mapping[int, int] = MappingProxyType({})

_Offsets = Callable[[AIOKafkaConsumer, str, frozenset[int]], Awaitable[Mapping[int, int]]]

log = structlog.get_logger(__name__)


class Reader:
    """Reads each of its partitions in order, each record once, from a given offset on.

    While the broker is away it reads nothing, and goes on by itself when the broker is back. A consumer that
    fails to answer once is given up, because the driver's consumer may receive nothing even when the broker
    is back; the next call makes a fresh one. A consumer that answers but for `stall_timeout_s` brings none of
    the records that are there is given up too; if the fresh one brings none either, `read` raises Stalled.
    """

    def __init__(
        self,
        kafka: KafkaAccess,
        topic: str,
        next_offsets: Mapping[int, int] = NOTHING,
        *,
        client_id: str = "keyfold",
        stall_timeout_s: float = 15.0,
    ) -> None:
        self._kafka = kafka
        self._topic = topic
        self._client_id = client_id
        self._positions = dict(next_offsets)
        self._consumer: AIOKafkaConsumer | None = None
        self._watchdog = Watchdog(interval_s=stall_timeout_s, due_at_s=0)
        self._suspects: frozenset[int] = frozenset()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def positions(self) -> Mapping[int, int]:
        """The partitions that are read, each with the offset that `read` returns next."""
        return dict(self._positions)

    async def start(self) -> None:
        """Connect and check that the topic exists. Raises Unavailable or KafkaMisconfigured."""
        await self._open()

    async def stop(self) -> None:
        """Disconnect, within a few seconds even if the broker does not answer."""
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await driver.stop(consumer)

    async def assign(self, next_offsets: Mapping[int, int]) -> None:
        """Read only these partitions from now on, each from its offset."""
        await self.stop()
        self._positions, self._suspects = dict(next_offsets), frozenset()

    async def end_offsets(self) -> Mapping[int, int]:
        """Return the end offset of each partition that is read. Raises Unavailable."""
        return await self._offsets(driver.end_offsets, frozenset(self._positions))

    async def first_offsets(self, partitions: frozenset[int]) -> Mapping[int, int]:
        """Return the offset of each partition's oldest record. Raises Unavailable."""
        return await self._offsets(driver.first_offsets, partitions)

    async def read(self, records_max: int = RECORDS_MAX, timeout_s: float = 1.0) -> dict[int, list[Received]]:
        """Return the next records in order, by partition; empty if none came in time or the broker is away.

        Batches that cannot be decoded are passed over. Raises RecordsGone if a next offset was deleted, and
        Stalled.
        """
        if not self._positions:
            await asyncio.sleep(timeout_s)
            return {}
        try:
            await self._watch()  # before the fetch, so that a failure here loses no records
            async with self._use_consumer() as consumer:
                batches, positions = await self._fetch(consumer, records_max, timeout_s)
        except Unavailable:
            await asyncio.sleep(min(REOPEN_PAUSE_S, timeout_s))
            return {}
        self._positions, before = positions, self._positions
        self._suspects -= {each for each, offset in positions.items() if offset > before[each]}
        return batches

    async def _fetch(
        self, consumer: AIOKafkaConsumer, records_max: int, timeout_s: float
    ) -> tuple[dict[int, list[Received]], dict[int, int]]:
        """Return the next records, and the positions after them."""
        try:
            batches = await driver.fetch(consumer, records_max=records_max, timeout_s=timeout_s)
            return batches, await driver.positions(consumer, self._topic, self._positions)
        except RecordsUnreadable:
            found = await read_around(consumer, self._topic, self._positions, records_max=records_max)
            await self.stop()  # the driver would meet the same batch again
            return found.records, found.next_offsets

    async def _offsets(self, ask: _Offsets, partitions: frozenset[int]) -> Mapping[int, int]:
        if not partitions:
            return {}
        async with self._use_consumer() as consumer:
            return await ask(consumer, self._topic, partitions)

    @asynccontextmanager
    async def _use_consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        """Yield the consumer, and give it up if the block raises."""
        consumer = await self._open()
        try:
            yield consumer
        except Unavailable as away:
            await self._give_up(str(away))
            raise
        except BaseException:  # also a cancellation: records may be on their way that nobody would get
            await self.stop()
            raise

    async def _give_up(self, reason: str) -> None:
        log.warning("consumer_given_up", topic=self._topic, reason=reason)
        await self.stop()

    async def _open(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = driver.make(self._kafka, self._client_id)
            await driver.start(consumer, self._kafka, self._topic)
            driver.assign(consumer, self._topic, self._positions)
            self._watchdog.restart(_now_s())
            self._consumer = consumer
        return self._consumer

    async def _watch(self) -> None:
        if not self._watchdog.is_due(_now_s(), len(self._positions)):
            return
        ends = await self.end_offsets()
        lags = {at: Lag(next_offset=next_, end_offset=ends[at]) for at, next_ in self._positions.items()}
        if stuck := self._watchdog.find_stuck(_now_s(), lags):
            await self._remake(stuck)

    async def _remake(self, stuck: frozenset[int]) -> None:
        if again := stuck & self._suspects:
            raise Stalled(f"{self._topic}{sorted(again)} at {[self._positions[at] for at in sorted(again)]}")
        self._suspects = stuck
        await self._give_up(f"nothing comes from {sorted(stuck)}")


def _now_s() -> float:
    return asyncio.get_running_loop().time()
