"""Following the ledger: a snapshot, then every event once, and a stop at whatever is missing."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from keyfold.gatekeeper import metrics
from keyfold.gatekeeper.replica.lease import Lease
from keyfold.gatekeeper.replica.state import Replica
from keyfold.kafka.errors import RecordsGone
from keyfold.kafka.lifecycle_reader import LifecycleBatch, LifecycleReader
from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import TryLater
from keyfold.runtime.waiting import wait_for
from keyfold.store.read_model.reader import ReadModel, Snapshot
from keyfold.wire.topics import LIFECYCLE

# Events are decoded on the loop that answers, and answers wait meanwhile: a third of a millisecond for the
# fewest, three for the most, which are taken only while more are left behind than questions leave time for.
_EVENTS_FEW: Final = 16
_EVENTS_MAX: Final = 128
_FIRST_READ_TIMEOUT_S: Final = 0.3

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSource:
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
    source: LedgerSource, replica: Replica, lease: Lease, clock: Clock, *, startup_timeout_s: float
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
    source: LedgerSource, replica: Replica, lease: Lease, clock: Clock, startup_timeout_s: float
) -> None:
    start = await wait_for(
        "the read model and Kafka", lambda: _load(source, replica), timeout_s=startup_timeout_s, clock=clock
    )
    async with AsyncExitStack() as stack:
        stack.push_async_exit(start.reader)
        head = start.snapshot.head
        replica.load(start.snapshot.state, head.position, clock.now(), sealed=head.hash)
        log.info("state_loaded", position=replica.position, keys=len(start.snapshot.state.keys))
        _apply(start.batch, replica, lease, clock)
        events_max = _EVENTS_FEW
        while True:
            batch = await start.reader.read(records_max=events_max)
            _apply(batch, replica, lease, clock)
            events_max = events_next(events_max, len(batch.events))
            await asyncio.sleep(0)  # however many events there are, questions are heard in between


def events_next(events_max: int, events: int) -> int:
    """Return how many events to take at once after so many came: one more while there are more.

    What comes in one burst is so taken few at a time, and what was left behind for seconds many.
    """
    return min(events_max + 1, _EVENTS_MAX) if events == events_max else _EVENTS_FEW


async def _load(source: LedgerSource, replica: Replica) -> _Start:
    with _uncollected():
        snapshot = await source.read_model.snapshot(replica.load_on)
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


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep what is loaded from the garbage collector, for good.

    A full collection looks at every object there is, and a hundred thousand accounts are a pause of 0.1 s in
    all answers. Nothing of them is ever garbage but by its reference count; what comes later is little, so
    the thresholds stay as they are.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _apply(batch: LifecycleBatch, replica: Replica, lease: Lease, clock: Clock) -> None:
    replica.fold(batch.events, clock.now())
    metrics.POSITION.set(replica.position)
    lease.applied(replica.position)
