"""ingest: access events into the log, each once, against a bare COPY of the same rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from itertools import count

from keyfold.audit.ingest.consumer import IngestMetrics
from keyfold.domain.access.event import AccessEvent
from keyfold.ingest.delivery import Delivery, SettingAside
from keyfold.ingest.junk_bound import JunkBound
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.store.access_log.addresses import use_text_codec
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.access_log.rows import COLUMNS, row_of
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import Pool, PrepareConnection, open_pool
from keyfold.wire.access.codec import access_record, encode_access_event
from keyfold.wire.offsets import Advance
from keyfold.wire.record import Received
from keyfold.wire.topics import ACCESS, DEAD_LETTER
from tests.bench.batches import batches
from tests.bench.collector import settled_collector
from tests.bench.contest import Contest, Figure, Figures, Side
from tests.bench.ground import Ground
from tests.bench.load.traffic import traffic
from tests.bench.stopwatch import rate_per_s
from tests.support.audit.following import sink_on

EVENTS = Figure(name="events/s")
EVENTS_A_GO = 20_000  # what the audit service reads at a time when it is busy
BATCH_EVENTS = 5_000  # and what it files at a time

Write = Callable[[], Awaitable[None]]
Prepare = Callable[[Sequence[AccessEvent]], Write]
"""Makes ready, before the clock runs, what is written while it does."""


@asynccontextmanager
async def contests(ground: Ground) -> AsyncIterator[Sequence[Contest]]:
    """Yield two: from Kafka's records on, and from decoded events on. Each side has a database of its own."""
    since = SYSTEM_CLOCK.now()
    async with AsyncExitStack() as stack:
        # The driver's own way with addresses is a part of the bare thing.
        filing, storing, *copying = [
            await stack.enter_async_context(_log(ground, since, prepare))
            for prepare in (use_text_codec, use_text_codec, None, None)
        ]
        bare = "COPY of the same rows into the same indexed partition, in batches of as many"
        yield [
            Contest(
                name="ingest",
                figures=(EVENTS,),
                ours=_side(
                    "the audit service's filing of Kafka's records: decode, admit, COPY, offsets, last used",
                    _filing(filing),
                    since,
                ),
                bare=_side(bare, _copying(copying[0]), since),
            ),
            Contest(
                name="ingest, decoded already",
                figures=(EVENTS,),
                ours=_side(
                    "AccessLog.file: COPY, offsets and last used in one transaction",
                    _storing(storing),
                    since,
                ),
                bare=_side(bare, _copying(copying[1]), since),
            ),
        ]


@asynccontextmanager
async def _log(ground: Ground, since: datetime, prepare: PrepareConnection | None) -> AsyncIterator[Pool]:
    async with open_pool(await ground.database(), application_name="bench", prepare=prepare) as pool:
        await Partitions(pool).make([since.date()])
        yield pool


def _side(what: str, prepare: Prepare, since: datetime) -> Side:
    firsts = count(1, EVENTS_A_GO)

    async def go() -> Figures:
        write = prepare(traffic(next(firsts), EVENTS_A_GO, since))
        with settled_collector():
            return {EVENTS.name: await rate_per_s(EVENTS_A_GO, write())}

    return Side(what=what, go=go)


def _filing(pool: Pool) -> Prepare:
    sink = sink_on(pool, ACCESS.name, SYSTEM_CLOCK)
    set_aside = SettingAside(
        # It never connects: each of these events is admissible.
        publisher=Publisher(ProducerOptions(kafka=KafkaAccess(bootstrap="127.0.0.1:1"))),
        topic=DEAD_LETTER.name,
        bound=JunkBound(SYSTEM_CLOCK),
    )
    delivery = Delivery(sink, set_aside, IngestMetrics(), chunk_max=BATCH_EVENTS)

    def prepare(events: Sequence[AccessEvent]) -> Write:
        received = [_received(event) for event in events]

        async def write() -> None:
            await delivery.deliver({0: received})

        return write

    return prepare


def _storing(pool: Pool) -> Prepare:
    access_log = AccessLog(pool, ACCESS.name)

    def prepare(events: Sequence[AccessEvent]) -> Write:
        async def write() -> None:
            for batch in batches(events, BATCH_EVENTS):
                first, end = batch[0].seq, batch[-1].seq + 1
                await access_log.file(batch, [Advance(partition=0, expected=first, next=end)])

        return write

    return prepare


def _copying(pool: Pool) -> Prepare:
    def prepare(events: Sequence[AccessEvent]) -> Write:
        rows = [row_of(event) for event in events]

        async def write() -> None:
            for batch in batches(rows, BATCH_EVENTS):
                await pool.copy_records_to_table(
                    "events", schema_name="access_log", columns=COLUMNS, records=batch
                )

        return write

    return prepare


def _received(event: AccessEvent) -> Received:
    record = access_record(encode_access_event(event))
    return Received(
        topic=ACCESS.name,
        partition=0,
        offset=event.seq,
        key=record.key,
        value=record.value,
        headers=record.headers,
        timestamp_ms=record.timestamp_ms,
    )
