"""Reading a share of a topic's partitions, each from the offset that our own database says comes next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.kafka import consumer as driver
from libs.kafka.errors import Stalled, Unavailable
from libs.kafka.share import Revoked, Share
from libs.kafka.watchdog import Lag, Watchdog
from libs.wire.record import Received

RECORDS_MAX = 10_000
REOPEN_PAUSE_S = 0.5

NextOffsets = Callable[[frozenset[int]], Awaitable[Mapping[int, int]]]


def _ignore(partitions: frozenset[int]) -> None:
    """Take no note of a revocation."""


class GroupReader:
    """Reads the partitions that a consumer group assigns to this process; commits nothing to Kafka, ever.

    On each assignment `next_offsets(partitions)` is awaited, inside `read`: it returns the next offset of
    each partition that has one; any other starts with its oldest record. `revoked(partitions)` is called,
    from another task, when partitions are taken away: records of theirs may already have been handed out, so
    the caller's write must be fenced by a compare-and-set on the offset, whatever it does here.
    """

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        group: str,
        *,
        next_offsets: NextOffsets,
        revoked: Revoked = _ignore,
        client_id: str = "keyfold",
        stall_timeout_s: float = 15.0,
    ) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._group = group
        self._client_id = client_id
        self._next_offsets = next_offsets
        self._share = Share(revoked)
        self._positions: dict[int, int] = {}
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
        """The next offset of each partition that is being read."""
        return dict(self._positions)

    async def start(self) -> None:
        """Connect and ask for a share of the partitions. Raises Unavailable or Misconfigured."""
        await self._open()

    async def stop(self) -> None:
        """Leave the group, within a few seconds even if the broker does not answer."""
        self._positions.clear()
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await driver.stop(consumer)

    async def end_offsets(self) -> Mapping[int, int]:
        """Return the end offset of each partition that is being read. Raises Unavailable."""
        return await driver.end_offsets(await self._open(), self._topic, frozenset(self._positions))

    async def read(self, records_max: int = RECORDS_MAX, timeout_s: float = 1.0) -> dict[int, list[Received]]:
        """Return the next records in order by partition; empty when none came in time, or the broker is away.

        Raises what `next_offsets` raises, RecordsGone when a next offset is not there any more, and Stalled.
        """
        try:
            consumer = await self._open()
            await self._take_up(consumer)
        except Unavailable:
            await asyncio.sleep(min(REOPEN_PAUSE_S, timeout_s))
            return {}
        fetched = await driver.fetch(consumer, records_max=records_max, timeout_s=timeout_s)
        batches = {at: records for at, records in fetched.items() if at in self._positions}
        for at, records in batches.items():
            self._positions[at] = records[-1].offset + 1
        self._suspects -= batches.keys()
        await self._watch()
        return batches

    async def __aiter__(self) -> AsyncIterator[tuple[int, list[Received]]]:
        """Yield (partition, records) for ever, no batch of them empty."""
        while True:
            for partition, records in (await self.read()).items():
                yield partition, records

    async def _open(self) -> AIOKafkaConsumer:
        if self._consumer is not None:
            return self._consumer
        consumer = driver.make(self._bootstrap, self._client_id, self._group)
        await driver.start(consumer, self._topic)
        self._share.of(consumer)
        consumer.subscribe([self._topic], listener=self._share)
        self._watchdog.restart(_now_s())
        self._consumer = consumer
        return consumer

    async def _take_up(self, consumer: AIOKafkaConsumer) -> None:
        """Begin with what was newly assigned; again, when that changed while we asked where to begin."""
        while (change := self._share.change) != self._share.taken_up:
            assigned = self._share.assigned
            offsets = await self._beginnings(consumer, assigned) if assigned else {}
            if change != self._share.change:
                continue
            for partition, offset in offsets.items():
                consumer.seek(TopicPartition(self._topic, partition), offset)
            consumer.resume(*(TopicPartition(self._topic, partition) for partition in offsets))
            self._positions = offsets
            self._share.taken_up = change
            self._watchdog.restart(_now_s())

    async def _beginnings(self, consumer: AIOKafkaConsumer, assigned: frozenset[int]) -> dict[int, int]:
        known = await self._next_offsets(assigned)
        unknown = assigned - known.keys()
        oldest = await driver.first_offsets(consumer, self._topic, unknown) if unknown else {}
        return {at: known.get(at, oldest.get(at, 0)) for at in assigned}

    async def _watch(self) -> None:
        if not self._watchdog.due(_now_s(), len(self._positions)):
            return
        try:
            ends = await self.end_offsets()
        except Unavailable:  # a broker that is away is no fault of the consumer
            self._watchdog.restart(_now_s())
            return
        lags = {at: Lag(next_offset=next_, end_offset=ends[at]) for at, next_ in self._positions.items()}
        if stuck := self._watchdog.stuck(_now_s(), lags):
            await self._remake(stuck)

    async def _remake(self, stuck: frozenset[int]) -> None:
        if stuck & self._suspects:
            raise Stalled(f"{self._topic}{sorted(stuck)} in group {self._group}")
        self._suspects = stuck
        await self.stop()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
