"""The consumer of the access topic, built from the service's settings."""

from functools import partial
from typing import Final

from keyfold.audit import metrics
from keyfold.audit.ingest.sink import AccessLogShare, AccessLogSink, Entries
from keyfold.audit.settings import AuditSettings
from keyfold.ingest.delivery import Delivery, SettingAside
from keyfold.ingest.junk_bound import JunkBound
from keyfold.ingest.loop import IngestLoop
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.reader import Reader
from keyfold.runtime.service import Process
from keyfold.runtime.waiting import wait_for
from keyfold.store.access_log.completeness.closed_runs import ClosedRuns
from keyfold.store.access_log.completeness.sealed_sums import LogSeal
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.partition_shares import PartitionShare
from keyfold.wire.topics import ACCESS, DEAD_LETTER

# While one chunk is written, the next is decoded.
_CHUNKS_AT_ONCE: Final = 4
SOURCE: Final = "the access topic"


class IngestMetrics:
    """What ingest measures, as this service's metrics."""

    def count_fenced(self) -> None:
        """Count a batch that was given up because another process is ahead."""
        metrics.OFFSETS_MOVED.inc()

    def count_gone(self, partition: int, records: int) -> None:
        """Count records that Kafka deleted before they were filed."""
        metrics.GONE.labels(partition).inc(records)

    def count_set_aside(self, kind: str) -> None:
        """Count a dead letter."""
        metrics.DEAD_LETTERED.labels(kind).inc()

    def set_lag(self, records: int) -> None:
        """Set how many records this process is behind."""
        metrics.LAG.set(records)


async def open_consumer(
    process: Process[AuditSettings], pool: Pool, partitions: Partitions
) -> IngestLoop[Entries]:
    """Wait for Kafka, then return the loop that ingests the access topic. Raises StopProcess if too late."""
    settings, clock = process.settings, process.clock
    publisher = await process.enter(
        Publisher(ProducerOptions(kafka=settings.kafka, client_id="keyfold-audit"))
    )
    sink = AccessLogSink(
        access_log=AccessLog(pool, ACCESS.name, LogSeal(settings.audit_secret_bytes)),
        closed_runs=ClosedRuns(pool),
        partitions=partitions,
        clock=clock,
        future_max_s=settings.audit_future_max_s,
    )
    bound = JunkBound(clock, records_max=settings.audit_junk_per_minute)
    delivery = Delivery(
        sink,
        SettingAside(publisher=publisher, topic=DEAD_LETTER.name, bound=bound),
        IngestMetrics(),
        chunk_max=settings.audit_batch_events_max,
    )
    share = await process.enter(PartitionShare(settings.postgres_dsn.get_secret_value(), ACCESS.name))
    reader = Reader(settings.kafka, ACCESS.name, client_id="keyfold-audit")
    await wait_for("Kafka", lambda: process.enter(reader), timeout_s=settings.startup_timeout_s, clock=clock)
    return IngestLoop(
        reader,
        AccessLogShare(share),
        delivery,
        source=SOURCE,
        partition_count=partial(publisher.partition_count, ACCESS.name),
        clock=clock,
        read_max=_CHUNKS_AT_ONCE * settings.audit_batch_events_max,
        batch_wait_s=settings.audit_batch_wait_s,
    )
