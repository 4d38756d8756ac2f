"""The projection's loop: builds the read model if needed, then folds every batch of the ledger into it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from keyfold.kafka.errors import OutcomeUnknown, Unavailable
from keyfold.kafka.lifecycle_reader import STUCK_HELP, LedgerUnreadable, LifecycleReader
from keyfold.projection import metrics
from keyfold.projection.lifecycle_topic import LifecycleTopic, read_step
from keyfold.projection.replay import Replay
from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import TryLater
from keyfold.runtime.retrying import Patience
from keyfold.runtime.waiting import wait_for
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import DatabaseAway, ReadModelAbsent, ReadModelAltered, UnfoldableEvent
from keyfold.store.read_model.generations import serving_progress
from keyfold.store.read_model.progress import GenerationProgress
from keyfold.store.read_model.snapshots import Snapshots
from keyfold.store.read_model.writer import ReadModelWriter, Step
from keyfold.wire.proof.state_digest import StateSecret

_MEASURE_INTERVAL_S = 5.0

log = structlog.get_logger(__name__)


class ProjectionLoop:
    """Folds the ledger into the serving generation. One of these must run; if two do, one is fenced."""

    def __init__(
        self,
        pool: Pool,
        topic: LifecycleTopic,
        replay: Replay,
        clock: Clock,
        secret: StateSecret,
        *,
        batch_events_max: int,
        startup_timeout_s: float,
    ) -> None:
        self._pool = pool
        self._topic = topic
        self._replay = replay
        self._clock = clock
        self._batch_events_max = batch_events_max
        self._startup_timeout_s = startup_timeout_s
        self._writer = ReadModelWriter(pool, secret)
        self._snapshots = Snapshots(pool, secret)
        self._patience = Patience()
        self._measure_due_s = 0.0
        self._in_doubt = False
        self._trouble: str | None = "the read model is being prepared"

    def unready(self) -> str | None:
        """Return why the read model is not up to date yet, or None."""
        return self._trouble or self._patience.trouble

    async def run(self) -> None:
        """Fold until cancelled. Raises StopProcess with the reason if it cannot or must not go on.

        A sealed event that this code cannot fold does not end it: it serves what it has, and says so.
        """
        try:
            await self._run()
        except (LedgerUnreadable, UnfoldableEvent) as stuck:
            self._trouble = f"{stuck}; see {STUCK_HELP}"
            log.error("projection_stuck", reason=str(stuck), do=STUCK_HELP)
            await asyncio.Event().wait()

    async def _run(self) -> None:
        await wait_for(
            "Kafka", self._topic.require_answer, timeout_s=self._startup_timeout_s, clock=self._clock
        )
        progress = await self._patience.retry("the read model", self._prepare, on=(TryLater,))
        metrics.POSITION.set(progress.head.position)
        async with self._open_reader(progress) as reader:
            log.info("projection_following", position=progress.head.position, offset=progress.next_offset)
            end_offset = await self._patience.retry("Kafka", reader.end_offset, on=_KAFKA_AWAY)
            while True:
                self._trouble = _describe_lag(reader, end_offset)
                await self._follow(reader)

    async def _prepare(self) -> GenerationProgress:
        """Return the progress of a read model of our shape; build it first if it is absent or altered."""
        progress = await serving_progress(self._pool)
        if progress is None or not progress.has_our_shape:
            log.info("read_model_building")
            await self._replay.run()
            progress = await serving_progress(self._pool)
        elif (alteration := await self._find_alteration()) is not None:
            log.error("read_model_altered", difference=str(alteration))
            report = await self._replay.run()
            log.error("read_model_rebuilt", position=report.position, differences=report.differences)
            progress = await serving_progress(self._pool)
        if progress is None:
            raise ReadModelAbsent("it was built, and is gone")
        return progress

    async def _find_alteration(self) -> ReadModelAltered | None:
        try:
            await self._snapshots.check()
        except ReadModelAltered as altered:
            return altered
        return None

    @asynccontextmanager
    async def _open_reader(self, progress: GenerationProgress) -> AsyncIterator[LifecycleReader]:
        reader = self._topic.make_reader(
            progress.head, progress.next_offset, seal_key=progress.seal_key or None, dead_letters=True
        )
        await self._patience.retry("Kafka", reader.start, on=_KAFKA_AWAY)
        try:
            yield reader
        finally:
            await reader.stop()

    async def _follow(self, reader: LifecycleReader) -> None:
        step = await self._patience.retry(
            "Kafka", lambda: read_step(reader, self._batch_events_max), on=_KAFKA_AWAY
        )
        if step is not None:
            await self._patience.retry("PostgreSQL", lambda: self._save(step), on=(DatabaseAway,))
            self._note(step)
        await self._measure(reader)

    async def _save(self, step: Step) -> None:
        # The step may be there already by our own hand only after an attempt whose outcome was lost.
        # Otherwise another projection saved it, and saving it here must fail.
        if self._in_doubt and await self._is_saved(step):
            self._in_doubt = False
            return
        self._in_doubt = True
        await self._writer.save(step)
        self._in_doubt = False

    async def _is_saved(self, step: Step) -> bool:
        progress = await serving_progress(self._pool)
        return progress is not None and progress.head == step.head

    def _note(self, step: Step) -> None:
        metrics.POSITION.set(step.head.position)
        metrics.BATCH_EVENTS.observe(len(step.events))
        if step.events:
            delay = self._clock.now() - step.events[-1].recorded_at
            metrics.DELAY_S.observe(max(0.0, delay.total_seconds()))

    async def _measure(self, reader: LifecycleReader) -> None:
        if self._clock.monotonic_s() < self._measure_due_s:
            return
        self._measure_due_s = self._clock.monotonic_s() + _MEASURE_INTERVAL_S
        # A Kafka that is away looks like one without new records; this call tells the difference.
        end_offset = await self._patience.retry("Kafka", reader.end_offset, on=_KAFKA_AWAY)
        metrics.LAG_RECORDS.set(end_offset - reader.read_offset)


_KAFKA_AWAY = (Unavailable, OutcomeUnknown)


def _describe_lag(reader: LifecycleReader, end_offset: int) -> str | None:
    if reader.gap is not None:
        return str(reader.gap)
    if reader.read_offset >= end_offset:
        return None
    return f"catching up: at offset {reader.read_offset} of {end_offset}"
