"""Following the access topic: read, file, and tell how far it is."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from libs.kafka.errors import Unavailable
from libs.kafka.group_reader import GroupReader
from libs.runtime.clock import Clock
from libs.runtime.failure import TryLater
from libs.runtime.retrying import Patience
from libs.store.errors import OffsetsMoved
from services.audit import metrics
from services.audit.filing import Batches, Filing

_LAG_INTERVAL_S: Final = 5.0
_READ_TIMEOUT_S: Final = 1.0

log = structlog.get_logger(__name__)


class Following:
    """Files what the reader reads, for ever; ready once it has what was there when it started."""

    def __init__(
        self,
        reader: GroupReader,
        filing: Filing,
        *,
        clock: Clock,
        batch_events_max: int,
        batch_wait_s: float,
    ) -> None:
        self._reader = reader
        self._filing = filing
        self._clock = clock
        self._batch_events_max = batch_events_max
        self._batch_wait_s = batch_wait_s
        self._goals: Mapping[int, int] = {}
        self._caught_up = False
        self._patience = Patience()
        self._trouble: str | None = None
        self._lag_due_at_s = 0.0

    def unready(self) -> str | None:
        """Return what keeps events from being filed, or why the log may lack some from before the start."""
        return self._filing.trouble or self._patience.trouble or self._trouble or self._lacking()

    def _lacking(self) -> str | None:
        if self._caught_up:
            return None
        if not self._goals:
            return "no partitions of the access topic are assigned yet"
        return f"{self._behind(self._goals)} records behind"

    async def run(self) -> None:
        """Read and file until cancelled. Raises what says that this process cannot go on."""
        while True:
            batches = await self._read()
            await self._file(batches)
            await self._take_stock()
            if sum(len(records) for records in batches.values()) < self._batch_events_max:
                await asyncio.sleep(self._batch_wait_s if batches else 0)

    async def _read(self) -> Batches:
        return await self._patience.until_done(
            "PostgreSQL or Kafka",  # the former is asked where to begin
            lambda: self._reader.read(self._batch_events_max, _READ_TIMEOUT_S),
            on=(TryLater,),
        )

    async def _file(self, batches: Batches) -> None:
        if not batches:
            return
        try:
            await self._filing.file(batches)
        except OffsetsMoved as moved:
            metrics.OFFSETS_MOVED.inc()
            log.warning("offsets_moved", reason=str(moved))
            await self._reader.stop()  # the next read joins the group anew, and asks where to begin

    async def _take_stock(self) -> None:
        if not self._reader.positions:
            return
        if not self._goals or self._clock.monotonic_s() >= self._lag_due_at_s:
            await self._measure_lag()
        if self._goals and not self._caught_up and self._behind(self._goals) == 0:
            self._caught_up = True
            log.info("caught_up", partitions=sorted(self._goals))

    async def _measure_lag(self) -> None:
        self._lag_due_at_s = self._clock.monotonic_s() + _LAG_INTERVAL_S
        try:
            ends = await self._reader.end_offsets()
        except Unavailable as away:
            self._trouble = "Kafka is away"
            log.warning("waiting", what="Kafka", reason=str(away))
            return
        self._trouble = None
        metrics.LAG.set(self._behind(ends))
        # Frozen at the first look, else a busy topic would keep the service unready for ever.
        self._goals = self._goals or ends

    def _behind(self, ends: Mapping[int, int]) -> int:
        # What another process took over in the meantime is not ours to wait for.
        positions = self._reader.positions
        return sum(max(0, end - positions[each]) for each, end in ends.items() if each in positions)
