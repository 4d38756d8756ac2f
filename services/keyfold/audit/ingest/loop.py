"""Following the access topic: read this process's share of it, file, and tell how far it is."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from keyfold.audit import metrics
from keyfold.audit.ingest.catching_up import CatchingUp
from keyfold.audit.ingest.chunks import Batches
from keyfold.audit.ingest.sink import Filing
from keyfold.kafka.errors import RecordsGone, Unavailable
from keyfold.kafka.reader import Reader
from keyfold.runtime.clock import Clock
from keyfold.runtime.retrying import Patience
from keyfold.store.postgres.errors import DatabaseAway, OffsetsMoved
from keyfold.store.postgres.partition_shares import PartitionShare

_LAG_INTERVAL_S: Final = 5.0
_SHARE_INTERVAL_S: Final = 1.0
_READ_TIMEOUT_S: Final = 1.0

log = structlog.get_logger(__name__)


class Following:
    """Files what the reader reads, for ever; ready once it has what was there when it started."""

    def __init__(
        self,
        reader: Reader,
        share: PartitionShare,
        filing: Filing,
        *,
        partition_count: Callable[[], Awaitable[int]],
        clock: Clock,
        read_max: int,
        batch_wait_s: float,
        lag_interval_s: float = _LAG_INTERVAL_S,
    ) -> None:
        self._reader = reader
        self._share = share
        self._filing = filing
        self._partition_count = partition_count
        self._clock = clock
        self._read_max = read_max
        self._batch_wait_s = batch_wait_s
        self._lag_interval_s = lag_interval_s
        self._begun: frozenset[int] | None = None
        self._goals: Mapping[int, int] | None = None
        self._caught_up = False
        self._catching_up = CatchingUp()
        self._patience = Patience()
        self._trouble: str | None = None
        self._share_due_at_s = 0.0
        self._lag_due_at_s = 0.0

    def unready(self) -> str | None:
        """Return what keeps events from being filed, or why the log may lack some from before the start."""
        return self._filing.trouble or self._patience.trouble or self._trouble or self._lacking()

    def _lacking(self) -> str | None:
        if self._caught_up:
            return None
        if self._goals is None:
            return "this process's share of the access topic is not known yet"
        return f"{self._behind(self._goals)} records behind"

    async def run(self) -> None:
        """Read and file until cancelled. Raises what says that this process cannot go on."""
        while True:
            try:
                await self._go_on()
            except OffsetsMoved as moved:
                metrics.OFFSETS_MOVED.inc()
                log.warning("offsets_moved", reason=str(moved))
                self._begun = None  # what is still ours is read again, from where the log stands
            except RecordsGone as gone:
                await self._require_deleted(gone)
                self._begun = None

    async def _go_on(self) -> None:
        await self._settle()
        if batches := await self._read():
            await self._filing.file(batches)
        await self._take_stock()

    async def _read(self) -> Batches:
        """Return the next records: those that are here, and what comes within a moment besides."""
        batches = await self._reader.read(self._read_max, _READ_TIMEOUT_S)
        room = self._read_max - sum(map(len, batches.values()))
        if not batches or room <= 0:
            return batches
        # What is here came when the last batch was taken: only then does the driver fetch what came since.
        await asyncio.sleep(self._batch_wait_s)
        more = await self._reader.read(room, timeout_s=0)
        return {each: [*batches.get(each, ()), *more.get(each, ())] for each in batches | more}

    async def _settle(self) -> None:
        """See now and then what this process's share is: between batches, when all that was read is filed."""
        if self._begun is not None and self._clock.monotonic_s() < self._share_due_at_s:
            return
        partitions = await self._patience.until_done("Kafka", self._partition_count, on=(Unavailable,))
        share = await self._patience.until_done(
            "PostgreSQL", lambda: self._share.settle(partitions), on=(DatabaseAway,)
        )
        # A share that was lost and is ours again may have been another's meanwhile: filing from it tells.
        if share != self._begun:
            await self._begin(share)
        self._share_due_at_s = self._clock.monotonic_s() + _SHARE_INTERVAL_S

    async def _begin(self, share: frozenset[int]) -> None:
        """Read the share from where the log stands, or from the oldest record that is still there."""
        filed = await self._patience.until_done(
            "PostgreSQL", lambda: self._filing.next_offsets(share), on=(DatabaseAway,)
        )
        oldest = await self._oldest(share)
        if gone := {each: oldest[each] for each in filed if filed[each] < oldest[each]}:
            await self._filing.pass_over(gone)
        await self._reader.assign({**oldest, **self._filing.filed})
        self._catching_up = CatchingUp()
        self._begun = share

    async def _oldest(self, partitions: frozenset[int]) -> Mapping[int, int]:
        return await self._patience.until_done(
            "Kafka", lambda: self._reader.first_offsets(partitions), on=(Unavailable,)
        )

    async def _require_deleted(self, gone: RecordsGone) -> None:
        """Raise again unless Kafka deleted those records: a log that is ahead of Kafka is another topic's."""
        oldest = await self._oldest(frozenset({gone.partition}))
        if gone.wanted >= oldest[gone.partition]:
            raise gone

    async def _take_stock(self) -> None:
        if self._begun is None:
            return
        if self._goals is None or self._clock.monotonic_s() >= self._lag_due_at_s:
            await self._measure_lag()
        await self._note_caught_up()
        # A standby is ready: other members have all partitions, and of nothing it is nothing behind.
        if self._goals is not None and not self._caught_up and self._behind(self._goals) == 0:
            self._caught_up = True
            log.info("caught_up", partitions=sorted(self._goals))

    async def _measure_lag(self) -> None:
        self._lag_due_at_s = self._clock.monotonic_s() + self._lag_interval_s
        asked_at = await self._patience.until_done("PostgreSQL", self._filing.time, on=(DatabaseAway,))
        try:
            ends = await self._reader.end_offsets()
        except Unavailable as away:
            self._trouble = "Kafka is away"
            log.warning("waiting", what="Kafka", reason=str(away))
            return
        self._trouble = None
        metrics.LAG.set(self._behind(ends))
        self._catching_up.expect(ends, asked_at)
        if self._goals is None:  # set once, else a busy topic would keep the service unready for ever
            self._goals = ends

    async def _note_caught_up(self) -> None:
        """Note up to when the log has everything, for whoever counts on that."""
        if reached := self._catching_up.reached(self._reader.positions):
            await self._patience.until_done(
                "PostgreSQL", lambda: self._filing.note_caught_up(reached), on=(DatabaseAway,)
            )

    def _behind(self, ends: Mapping[int, int]) -> int:
        # What another process took over in the meantime is not ours to wait for.
        positions = self._reader.positions
        return sum(max(0, end - positions[each]) for each, end in ends.items() if each in positions)
