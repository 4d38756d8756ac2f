"""The replay: a fresh generation from position 1 beside the serving one, compared with it, and swapped in.

`python -m keyfold.projection replay` runs it to its end and writes its report to standard output, one line
of JSON; it works whether or not the projection is running, and it is what `keyfold replay` calls.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from keyfold.projection.generation_build import GenerationBuild
from keyfold.projection.lifecycle_topic import LifecycleTopic
from keyfold.runtime.clock import Clock
from keyfold.store.postgres.connection import Pool
from keyfold.store.read_model.generations import (
    NEXT,
    Generations,
    TableDifference,
    open_generations,
    serving_progress,
)
from keyfold.store.read_model.writer import ReadModelWriter
from keyfold.wire.events.chain import GENESIS

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a replay went. `differences` is None where there was nothing to compare with.

    A difference does not keep the new generation from serving: the ledger is right, and a replay repairs.
    """

    events: int
    duration_s: float
    events_per_s: float
    position: int
    differences: tuple[TableDifference, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a replay needs: the database, by address for sessions of its own, and the topic."""

    dsn: str
    pool: Pool
    topic: LifecycleTopic
    clock: Clock

    async def run(self) -> Report:
        """Build, compare, swap, drop. Raises ReplayRunning or what stops a fold; the old one serves on."""
        started_s = self.clock.monotonic_s()
        async with open_generations(self.dsn) as generations:
            await generations.begin()
            position, differences = await self._replace(generations)
            await generations.drop_old()
        report = _report(position, self.clock.monotonic_s() - started_s, differences)
        log.info("generation_swapped", position=position, events_per_s=report.events_per_s)
        return report

    async def _replace(self, generations: Generations) -> tuple[int, tuple[TableDifference, ...] | None]:
        serving = await serving_progress(self.pool)
        # What the serving generation was made of has had its foreign records dead-lettered already.
        async with self.topic.reader(GENESIS, 0, dead_letters=serving is None) as reader:
            writer = ReadModelWriter(self.pool, schema=NEXT, remembers=True)
            build = GenerationBuild(reader, writer, self.clock)
            differences = None
            if serving is None or not serving.has_our_shape:
                await build.to_offset(await reader.end_offset())
            else:
                await build.to_position(serving.head.position)
                differences = await self._compared(generations, build)
            async with self._meeting(generations, build):
                await generations.swap()
            return build.position, differences

    async def _compared(
        self, generations: Generations, build: GenerationBuild
    ) -> tuple[TableDifference, ...]:
        async with AsyncExitStack() as view:
            async with self._meeting(generations, build):
                comparison = await view.enter_async_context(generations.compared())
            return await comparison.differences()

    @asynccontextmanager
    async def _meeting(self, generations: Generations, build: GenerationBuild) -> AsyncIterator[None]:
        """Bring the new generation to the serving one's position and keep both there within the block."""
        await build.to_position(await self._served_position())
        async with generations.standstill():
            # What came since, which is little: the projection waits for as long as this takes.
            await build.to_position(await self._served_position())
            yield

    async def _served_position(self) -> int:
        serving = await serving_progress(self.pool)
        return 0 if serving is None else serving.head.position


def _report(position: int, duration_s: float, differences: tuple[TableDifference, ...] | None) -> Report:
    return Report(
        events=position,
        duration_s=round(duration_s, 3),
        events_per_s=round(position / duration_s, 1),
        position=position,
        differences=differences,
    )
