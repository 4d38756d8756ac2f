"""Following the ledger: a snapshot, then every event once, and a stop at whatever is missing."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

import structlog

from libs.kafka.errors import RecordsGone
from libs.kafka.lifecycle_reader import LifecycleBatch, LifecycleReader
from libs.runtime.clock import Clock
from libs.runtime.failure import TryLater
from libs.runtime.waiting import wait_for
from libs.store.read_model import ReadModel, Snapshot
from libs.wire.topics import LIFECYCLE
from services.gatekeeper import metrics
from services.gatekeeper.lease import Lease
from services.gatekeeper.replica import Replica

# Events are decoded on the loop that answers: so many take a few milliseconds.
_EVENTS_MAX: Final = 200
_FIRST_READ_TIMEOUT_S: Final = 0.3

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the ledger is heard from."""

    read_model: ReadModel
    bootstrap: str
    client_id: str
    topic: str = LIFECYCLE.name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    snapshot: Snapshot
    reader: LifecycleReader
    batch: LifecycleBatch


async def follow(
    source: Source, replica: Replica, lease: Lease, clock: Clock, *, startup_timeout_s: float
) -> None:
    """Load the state and apply every event that comes. Raises StopProcess when the ledger cannot be followed,
    and by then nothing is allowed any more.
    """
    try:
        await _follow(source, replica, lease, clock, startup_timeout_s)
    except Exception:
        lease.forfeit()
        raise


async def _follow(
    source: Source, replica: Replica, lease: Lease, clock: Clock, startup_timeout_s: float
) -> None:
    start = await wait_for(
        "the read model and Kafka", lambda: _load(source), timeout_s=startup_timeout_s, clock=clock
    )
    async with AsyncExitStack() as stack:
        stack.push_async_exit(start.reader)
        replica.load(start.snapshot.state, start.snapshot.head.position, clock.now())
        log.info("state_loaded", position=replica.position, keys=len(start.snapshot.state.keys))
        _apply(start.batch, replica, lease, clock)
        while True:
            _apply(await start.reader.read(records_max=_EVENTS_MAX), replica, lease, clock)


async def _load(source: Source) -> _Start:
    snapshot = await source.read_model.snapshot()
    reader = LifecycleReader(
        source.bootstrap,
        head=snapshot.head,
        offset=snapshot.next_offset,
        dead_letters=None,  # the projection reads the same topic, and dead-letters for all
        topic=source.topic,
        client_id=source.client_id,
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(reader)
        try:
            batch = await reader.read(timeout_s=_FIRST_READ_TIMEOUT_S, records_max=_EVENTS_MAX)
        except RecordsGone as gone:
            raise TryLater(f"{gone}, where the read model's snapshot ends; a newer one is needed") from gone
        stack.pop_all()
    return _Start(snapshot=snapshot, reader=reader, batch=batch)


def _apply(batch: LifecycleBatch, replica: Replica, lease: Lease, clock: Clock) -> None:
    replica.fold(batch.events, clock.now())
    metrics.POSITION.set(replica.position)
    lease.applied(replica.position)
