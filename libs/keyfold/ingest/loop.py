"""The loop of ingest: read this process's share of a topic, deliver it, and report how far it is."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Generic

import structlog

from keyfold.ingest.catching_up import CatchingUp
from keyfold.ingest.delivery import Delivery
from keyfold.ingest.port import Batches, R, Share, SinkAway, WriterFenced
from keyfold.kafka.errors import RecordsGone, Unavailable
from keyfold.kafka.reader import Reader
from keyfold.runtime.clock import Clock
from keyfold.runtime.retrying import Patience

_LAG_INTERVAL_S: Final = 5.0
_SHARE_INTERVAL_S: Final = 1.0
_READ_TIMEOUT_S: Final = 1.0

log = structlog.get_logger(__name__)


class IngestLoop(Generic[R]):
    """Delivers what the reader reads; ready once the sink has everything that was there at the start.

    `source` is the topic's name in texts for people.
    """

    def __init__(
        self,
        reader: Reader,
        share: Share,
        delivery: Delivery[R],
        *,
        source: str,
        partition_count: Callable[[], Awaitable[int]],
        clock: Clock,
        read_max: int,
        batch_wait_s: float,
        lag_interval_s: float = _LAG_INTERVAL_S,
    ) -> None:
        self._reader = reader
        self._share = share
        self._sink = delivery.sink
        self._measures = delivery.measures
        self._delivery = delivery
        self._source = source
        self._partition_count = partition_count
        self._clock = clock
        self._read_max = read_max
        self._batch_wait_s = batch_wait_s
        self._lag_interval_s = lag_interval_s
        self._assigned: frozenset[int] | None = None
        self._goals: Mapping[int, int] | None = None
        self._caught_up = False
        self._catching_up = CatchingUp()
        self._patience = Patience()
        self._trouble: str | None = None
        self._share_due_at_s = 0.0
        self._lag_due_at_s = 0.0

    def unready(self) -> str | None:
        """Return what keeps records from being written, or how many from before the start are missing."""
        return self._delivery.trouble or self._patience.trouble or self._trouble or self._describe_lag()

    def _describe_lag(self) -> str | None:
        if self._caught_up:
            return None
        if self._goals is None:
            return f"this process's share of {self._source} is not known yet"
        return f"{self._count_behind(self._goals)} records behind"

    async def run(self) -> None:
        """Read and deliver until cancelled. Raises StopProcess if this process cannot go on."""
        while True:
            try:
                await self._go_on()
            except WriterFenced as fenced:
                self._measures.count_fenced()
                log.warning("offsets_moved", reason=str(fenced))
                self._assigned = None  # what is still ours is read again, from the sink's offsets
            except RecordsGone as gone:
                await self._require_deleted(gone)
                self._assigned = None

    async def _go_on(self) -> None:
        await self._settle()
        if batches := await self._read():
            await self._delivery.deliver(batches)
        await self._take_stock()

    async def _read(self) -> Batches:
        """Return the records that have arrived, and those that follow within `batch_wait_s`."""
        batches = await self._reader.read(self._read_max, _READ_TIMEOUT_S)
        room = self._read_max - sum(map(len, batches.values()))
        if not batches or room <= 0:
            return batches
        # The driver fetches the next records only when the last are taken, so a second read gets those since.
        await asyncio.sleep(self._batch_wait_s)
        more = await self._reader.read(room, timeout_s=0)
        return {each: [*batches.get(each, ()), *more.get(each, ())] for each in batches | more}

    async def _settle(self) -> None:
        """Find out at intervals what this process's share is, while everything that was read is delivered."""
        if self._assigned is not None and self._clock.monotonic_s() < self._share_due_at_s:
            return
        partitions = await self._patience.retry("Kafka", self._partition_count, on=(Unavailable,))
        share = await self._patience.retry(
            self._sink.name, lambda: self._share.settle(partitions), on=(SinkAway,)
        )
        # A share that was lost and regained may have been another's meanwhile: the next write shows that.
        if share != self._assigned:
            await self._begin(share)
        self._share_due_at_s = self._clock.monotonic_s() + _SHARE_INTERVAL_S

    async def _begin(self, share: frozenset[int]) -> None:
        """Read the share from the sink's offsets, or from the oldest record that is still there."""
        written = await self._patience.retry(
            self._sink.name, lambda: self._delivery.next_offsets(share), on=(SinkAway,)
        )
        oldest = await self._read_oldest(share)
        if gone := {each: oldest[each] for each in written if written[each] < oldest[each]}:
            await self._delivery.pass_over(gone)
        await self._reader.assign({**oldest, **self._delivery.written})
        self._catching_up = CatchingUp()
        self._assigned = share

    async def _read_oldest(self, partitions: frozenset[int]) -> Mapping[int, int]:
        return await self._patience.retry(
            "Kafka", lambda: self._reader.first_offsets(partitions), on=(Unavailable,)
        )

    async def _require_deleted(self, gone: RecordsGone) -> None:
        """Raise again unless Kafka deleted those records: a sink ahead of Kafka belongs to another topic."""
        oldest = await self._read_oldest(frozenset({gone.partition}))
        if gone.wanted >= oldest[gone.partition]:
            raise gone

    async def _take_stock(self) -> None:
        if self._assigned is None:
            return
        if self._goals is None or self._clock.monotonic_s() >= self._lag_due_at_s:
            await self._measure_lag()
        await self._note_caught_up()
        # A standby is ready too: other processes have all partitions, so it is behind on none.
        if self._goals is not None and not self._caught_up and self._count_behind(self._goals) == 0:
            self._caught_up = True
            log.info("caught_up", partitions=sorted(self._goals))

    async def _measure_lag(self) -> None:
        self._lag_due_at_s = self._clock.monotonic_s() + self._lag_interval_s
        asked_at = await self._patience.retry(self._sink.name, self._sink.time, on=(SinkAway,))
        try:
            ends = await self._reader.end_offsets()
        except Unavailable as away:
            self._trouble = "Kafka is away"
            log.warning("waiting", what="Kafka", reason=str(away))
            return
        self._trouble = None
        self._measures.set_lag(self._count_behind(ends))
        self._catching_up.expect(ends, asked_at)
        if self._goals is None:  # set once, or a busy topic would keep the service unready for ever
            self._goals = ends

    async def _note_caught_up(self) -> None:
        """Note in the sink up to when it has everything."""
        if reached := self._catching_up.take_reached(self._reader.positions):
            await self._patience.retry(
                self._sink.name, lambda: self._sink.note_caught_up(reached), on=(SinkAway,)
            )

    def _count_behind(self, ends: Mapping[int, int]) -> int:
        # Partitions that another process has taken over are not ours to wait for.
        positions = self._reader.positions
        return sum(max(0, end - positions[each]) for each, end in ends.items() if each in positions)
