"""A read model, a topic, and what folds the one into the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keyfold.kafka.publisher import Publisher
from keyfold.projection.following import ProjectionLoop
from keyfold.projection.lifecycle_topic import LifecycleTopic
from keyfold.projection.replay import Replay
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import ReadModelAbsent
from keyfold.store.read_model.generations import serving_progress
from keyfold.store.read_model.reader import ReadModel
from keyfold.store.read_model.snapshots import Snapshots
from keyfold.wire.record import Record
from tests.support.eventually import eventually
from tests.support.state_secret import STATE_SECRET

STARTUP_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One test's read model and topic. `publish` appends to the topic; `following` folds it."""

    dsn: str
    pool: Pool
    publisher: Publisher
    topic: LifecycleTopic
    read_model: ReadModel
    snapshots: Snapshots

    async def publish(self, records: Sequence[Record]) -> None:
        """Append records to the lifecycle topic."""
        await self.publisher.publish(self.topic.name, 0, records)

    def replay(self) -> Replay:
        """Return a replay that was not run."""
        return Replay(dsn=self.dsn, pool=self.pool, topic=self.topic, clock=SYSTEM_CLOCK, secret=STATE_SECRET)

    def following(self, *, batch_events_max: int = 1000) -> ProjectionLoop:
        """Return a projection that does not run yet."""
        return ProjectionLoop(
            self.pool,
            self.topic,
            self.replay(),
            SYSTEM_CLOCK,
            STATE_SECRET,
            batch_events_max=batch_events_max,
            startup_timeout_s=STARTUP_TIMEOUT_S,
        )

    async def wait_served(self, position: int) -> None:
        """Return when a read model of our shape serves the position."""

        async def probe() -> bool:
            try:
                return await self.read_model.position() == position
            except ReadModelAbsent:
                return False

        await eventually(probe)

    async def wait_for(self, position: int) -> None:
        """Return when the read model serves the position."""

        async def probe() -> bool:
            progress = await serving_progress(self.pool)
            return progress is not None and progress.head.position == position

        await eventually(probe)
