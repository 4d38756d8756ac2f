"""The replay: builds a new generation from position 1 beside the serving one, compares them, and swaps.

`python -m keyfold.projection replay` runs it and writes its report to standard output as one line of JSON. It
works whether or not the projection is running, and `keyfold replay` calls it.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from keyfold.projection.generation_build import GenerationBuild
from keyfold.projection.lifecycle_topic import LifecycleTopic
from keyfold.runtime.clock import Clock
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import ReadModelAltered
from keyfold.store.read_model.generations import (
    NEXT,
    Generations,
    TableDifference,
    open_generations,
    serving_progress,
)
from keyfold.store.read_model.progress import GenerationProgress
from keyfold.store.read_model.writer import ReadModelWriter
from keyfold.wire.events.chain import GENESIS
from keyfold.wire.proof.state_digest import StateSecret

UNSEALED_MAX: Final = 2_000_000
"""So many events a ledger may have had before its first seal; each takes 2 kB of memory until that comes."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of a replay. `differences` is None if there was nothing to compare with.

    The new generation serves in spite of differences: the ledger is right, and a replay repairs.
    """

    events: int
    duration_s: float
    events_per_s: float
    position: int
    differences: tuple[TableDifference, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Runs replays. The database is also given by address, for sessions of a replay's own.

    `secret` seals what is built. What serves need not be sealed with it: somebody may have altered it.
    """

    dsn: str = field(repr=False)
    pool: Pool
    topic: LifecycleTopic
    clock: Clock
    secret: StateSecret

    async def run(self) -> Report:
        """Build, compare, swap, drop. Raises ReplayRunning or what stops a fold; the old one serves on."""
        started_s = self.clock.monotonic_s()
        async with open_generations(self.dsn, self.secret) as generations:
            await generations.begin()
            position, differences = await self._replace(generations)
            await generations.drop_old()
        report = _report(position, self.clock.monotonic_s() - started_s, differences)
        log.info("generation_swapped", position=position, events_per_s=report.events_per_s)
        return report

    async def _replace(self, generations: Generations) -> tuple[int, tuple[TableDifference, ...] | None]:
        serving = await serving_progress(self.pool)
        altered = self._unsealed(serving)
        # If a generation serves, the foreign records of its events have been dead-lettered already.
        make_reader = partial(self.topic.make_reader, seal_key=None, unsealed_max=UNSEALED_MAX)
        async with make_reader(GENESIS, 0, dead_letters=serving is None) as reader:
            writer = ReadModelWriter(self.pool, self.secret, schema=NEXT, remembers=True)
            build = GenerationBuild(reader, writer, self.clock)
            differences = None
            if serving is None or not serving.has_our_shape:
                await build.fold_to_offset(await reader.end_offset())
            elif altered:
                # It may say any position, and be at none: compare it with all that there is.
                await build.fold_to_offset(await reader.end_offset())
                differences = (*altered, *await self._compare(generations, build))
            else:
                await build.fold_to_position(serving.head.position)
                differences = await self._compare(generations, build)
            async with self._align(generations, build):
                await generations.swap()
            return build.position, differences

    async def _compare(self, generations: Generations, build: GenerationBuild) -> tuple[TableDifference, ...]:
        async with AsyncExitStack() as view:
            async with self._align(generations, build):
                comparison = await view.enter_async_context(generations.compared())
            return await comparison.differences()

    @asynccontextmanager
    async def _align(self, generations: Generations, build: GenerationBuild) -> AsyncIterator[None]:
        """Bring the new generation to the serving one's position, and keep both there within the block."""
        await build.fold_to_position(await self._served_position())
        async with generations.standstill():
            # The few events since then: the projection waits as long as this takes.
            await build.fold_to_position(await self._served_position())
            yield

    async def _served_position(self) -> int:
        serving = await serving_progress(self.pool)
        return 0 if serving is None or self._unsealed(serving) else serving.head.position

    def _unsealed(self, serving: GenerationProgress | None) -> tuple[TableDifference, ...]:
        """Return the progress as what differs, if it has our shape and was not written with our secret."""
        if serving is None or not serving.has_our_shape:
            return ()
        try:
            serving.open(self.secret)
        except ReadModelAltered:
            return (TableDifference(table="progress", rows=1, ids=()),)
        return ()


def _report(position: int, duration_s: float, differences: tuple[TableDifference, ...] | None) -> Report:
    return Report(
        events=position,
        duration_s=round(duration_s, 3),
        events_per_s=round(position / duration_s, 1),
        position=position,
        differences=differences,
    )
