"""Builds a new generation, from position 1 up to a given point and never beyond."""

import structlog

from keyfold.kafka.lifecycle_reader import LifecycleReader
from keyfold.projection.lifecycle_topic import read_step
from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import StopProcess
from keyfold.store.read_model.writer import ReadModelWriter

EVENTS_MAX = 5000
_REPORT_INTERVAL_S = 5.0

log = structlog.get_logger(__name__)


class EventsMissing(StopProcess):
    """Kafka lacks events that the read model was made of. Replay again once the relay has published them."""


class GenerationBuild:
    """Reads the ledger and folds it into the generation that is being built."""

    def __init__(self, reader: LifecycleReader, writer: ReadModelWriter, clock: Clock) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._report_due_s = clock.monotonic_s() + _REPORT_INTERVAL_S

    @property
    def position(self) -> int:
        """The position up to which the generation is built."""
        return self._reader.head.position

    async def fold_to_offset(self, offset: int) -> None:
        """Fold every event that a record before the offset seals."""
        while self._reader.read_offset < offset or self._reader.has_believed:
            await self._step(max(1, min(EVENTS_MAX, offset - self._reader.read_offset)))

    async def fold_to_position(self, position: int) -> None:
        """Fold every event up to the position, and none after it."""
        while self.position < position:
            await self._step(min(EVENTS_MAX, position - self.position))

    async def _step(self, records_max: int) -> None:
        step = await read_step(self._reader, records_max)
        if step is not None:
            await self._writer.save(step)
        elif await self._reader.end_offset() <= self._reader.read_offset:
            raise EventsMissing(f"the lifecycle topic ends at position {self.position}")
        self._report()

    def _report(self) -> None:
        if self._clock.monotonic_s() >= self._report_due_s:
            self._report_due_s += _REPORT_INTERVAL_S
            log.info("generation_building", position=self.position)
