"""An audit consumer as its process has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from keyfold.audit.ingest.consumer import SOURCE, IngestMetrics
from keyfold.audit.ingest.sink import AccessLogShare, AccessLogSink
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.reader import Reader
from keyfold.runtime.clock import SYSTEM_CLOCK, Clock
from keyfold.store.access_log.completeness.closed_runs import ClosedRuns
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.partition_shares import PartitionShare
from tests.support.access_events import EPOCH
from tests.support.ingest.wires import Running, Wires, run_loop
from tests.support.runtime.tokens import SetClock

FUTURE_MAX_S = 300.0


class NoonClock(SetClock):
    """A clock that always says noon, while intervals pass as usual."""

    def monotonic_s(self) -> float:
        """Return the real time."""
        return SYSTEM_CLOCK.monotonic_s()


def sink_on(pool: Pool, topic: str, clock: Clock) -> AccessLogSink:
    """Return the access log as a sink of a topic."""
    return AccessLogSink(
        access_log=AccessLog(pool, topic),
        closed_runs=ClosedRuns(pool),
        partitions=Partitions(pool),
        clock=clock,
        future_max_s=FUTURE_MAX_S,
    )


@asynccontextmanager
async def consuming(
    wires: Wires,
    pool: Pool,
    *,
    junk_max: int = 20,
    dead_letters: Publisher | None = None,
    reader: Reader | None = None,
) -> AsyncIterator[Running]:
    """Run a consumer whose clock says the events' noon."""
    clock = NoonClock(at=EPOCH)
    async with (
        PartitionShare(wires.dsn, wires.topic) as share,
        run_loop(
            wires,
            sink_on(pool, wires.topic, clock),
            AccessLogShare(share),
            IngestMetrics(),
            source=SOURCE,
            clock=clock,
            junk_max=junk_max,
            dead_letters=dead_letters,
            reader=reader,
        ) as running,
    ):
        yield running
