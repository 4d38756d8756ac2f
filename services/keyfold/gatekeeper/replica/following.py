"""Follows the ledger: loads a snapshot and applies every event once; allows nothing while one is missing."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from keyfold.gatekeeper import metrics
from keyfold.gatekeeper.replica.alteration import load_unaltered
from keyfold.gatekeeper.replica.lease import Lease
from keyfold.gatekeeper.replica.state import Replica
from keyfold.kafka.lifecycle_reader import LifecycleBatch, LifecycleReader
from keyfold.runtime.clock import Clock
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.runtime.waiting import wait_for
from keyfold.store.read_model.snapshots import Snapshot, Snapshots
from keyfold.wire.proof.seal import TrustedKeys
from keyfold.wire.topics import LIFECYCLE

# Events are decoded on the loop that answers, and answers wait meanwhile: a third of a millisecond for a few
# events, three for the most, which are taken only while the replica falls behind.
_EVENTS_FEW: Final = 16
_EVENTS_MAX: Final = 128
_FIRST_READ_TIMEOUT_S: Final = 0.3

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSource:
    """Where the ledger comes from: the read model for a snapshot, then a topic."""

    read_model: Snapshots
    kafka: KafkaAccess
    client_id: str
    trusted: TrustedKeys
    accepts_unsealed: bool = False
    topic: str = LIFECYCLE.name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    snapshot: Snapshot
    reader: LifecycleReader
    batch: LifecycleBatch


async def follow(
    source: LedgerSource, replica: Replica, lease: Lease, clock: Clock, *, startup_timeout_s: float
) -> None:
    """Load the state and apply every event that comes.

    Raises StopProcess when the ledger cannot be followed; by then nothing is allowed any more.
    """
    try:
        await _follow(source, replica, lease, clock, startup_timeout_s)
    except Exception:
        lease.forfeit()
        raise


async def _follow(
    source: LedgerSource, replica: Replica, lease: Lease, clock: Clock, startup_timeout_s: float
) -> None:
    start = await load_unaltered(
        lambda: wait_for(
            "the read model and Kafka",
            lambda: _load(source, replica),
            timeout_s=startup_timeout_s,
            clock=clock,
        ),
        replica,
        clock,
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
            await asyncio.sleep(0)  # questions get their turn, however many events there are


def events_next(events_max: int, events: int) -> int:
    """Return how many events to take next: one more each time the last take was full.

    So a single burst is taken a few events at a time, and a backlog of seconds in larger takes.
    """
    return min(events_max + 1, _EVENTS_MAX) if events == events_max else _EVENTS_FEW


async def _load(source: LedgerSource, replica: Replica) -> _Start:
    with _freeze_loaded():
        snapshot = await source.read_model.snapshot(replica.note_progress)
    reader = LifecycleReader(
        source.kafka,
        head=snapshot.head,
        offset=snapshot.next_offset,
        trusted=source.trusted,
        seal_key=snapshot.seal_key or None,
        accepts_unsealed=source.accepts_unsealed,
        dead_letters=None,  # the projection reads the same topic and dead-letters for everyone
        topic=source.topic,
        client_id=source.client_id,
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(reader)
        batch = await reader.read(timeout_s=_FIRST_READ_TIMEOUT_S, records_max=_EVENTS_MAX)
        stack.pop_all()
    return _Start(snapshot=snapshot, reader=reader, batch=batch)


@contextmanager
def _freeze_loaded() -> Iterator[None]:
    """Take what is loaded out of the garbage collector's sight, permanently.

    A full collection visits every object, and a hundred thousand accounts pause all answers for 0.1 s. These
    objects are in no cycles, so reference counts free them; what comes later is little, so the thresholds
    stay as they are.
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
    lease.missing = None if batch.gap is None else str(batch.gap)
    lease.note_applied(replica.position)
