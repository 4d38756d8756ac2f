"""Every step of the shipper's and the audit service's loop at which a process may be killed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict, Unpack

PASSAGES_MAX = 3


class Moment(StrEnum):
    """When in a call the process is killed; during one, it has asked and does not know the answer yet."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPoint:
    """A moment of a call, told by the function's place in the code.

    With `saying`, only a call with a text that contains it is meant, and with `within`, only one on behalf of
    that function. `passages_max` is how often a life passes here at least.
    """

    step: str
    target: str
    moment: Moment
    saying: str = ""
    within: str = ""
    passages_max: int = PASSAGES_MAX

    @property
    def name(self) -> str:
        """The name in tables."""
        return f"{self.moment} {self.step}"


class Narrow(TypedDict, total=False):
    """What narrows a point down."""

    saying: str
    within: str
    passages_max: int


def _at(step: str, target: str, *moments: Moment, **narrow: Unpack[Narrow]) -> Iterator[FaultPoint]:
    return (FaultPoint(step=step, target=target, moment=moment, **narrow) for moment in moments)


BEFORE, DURING, AFTER = Moment

# A function is named where it is looked up, which need not be where it is defined. A moment right after one
# call is not named again as the one before the next.
SHIPPER: Sequence[FaultPoint] = (
    *_at("reading a journal", "keyfold.shipper.run_journal:RunJournal.read", AFTER),
    *_at("publishing", "keyfold.kafka.publisher:Publisher.publish", *Moment),
    *_at("queueing a batch", "aiokafka:AIOKafkaProducer.send_batch", AFTER),
    *_at("hearing Kafka", "aiokafka.producer.sender:SendProduceReqHandler.handle_response", BEFORE),
    *_at("keeping damage", "keyfold.shipper.journal_directory:JournalDirectory.set_aside", AFTER),
    *_at("telling a run's end", "keyfold.shipper.run_journal:RunJournal.closing_records", AFTER),
    *_at("acknowledging", "keyfold.shipper.run_journal:RunJournal.acknowledge", BEFORE, AFTER),
    *_at("renaming its place", "pathlib:Path.replace", BEFORE),
    *_at("saving its place", "keyfold.shipper.run_journal:save_offset", AFTER),
    *_at("removing a file", "pathlib:Path.unlink", AFTER),
    *_at("forgetting counts", "keyfold.shipper.run_journal:delete_counted", BEFORE, AFTER),
    *_at("removing what is left", "os:unlink", AFTER, within="RunJournal.acknowledge"),
    *_at("removing a directory", "os:rmdir", BEFORE, AFTER),
)

AUDIT: Sequence[FaultPoint] = (
    *_at("making partitions", "keyfold.store.access_log.partitions:Partitions.make", DURING, passages_max=1),
    *_at(
        "sharing out", "keyfold.store.postgres.partition_shares:PartitionShare.settle", AFTER, passages_max=1
    ),
    *_at("beginning a share", "keyfold.kafka.reader:Reader.assign", AFTER, passages_max=1),
    *_at("reading", "keyfold.kafka.reader:Reader.read", AFTER),
    *_at("dead-lettering", "keyfold.kafka.publisher:Publisher.publish", DURING, AFTER),
    *_at(
        "noting runs' ends",
        "keyfold.store.access_log.completeness.closed_runs:ClosedRuns.note",
        DURING,
        AFTER,
    ),
    *_at("writing", "keyfold.store.access_log.writer:AccessLog.file", BEFORE),
    *_at("moving offsets", "keyfold.store.access_log.writer:AccessLog._advance", AFTER),
    *_at("COPY", "asyncpg:Connection.copy_records_to_table", DURING, AFTER),
    *_at("leaving out repeats", "keyfold.store.access_log.writer:_merge", AFTER),
    *_at("counting", "keyfold.store.access_log.writer:add_counts", AFTER),
    *_at("noting numbers", "keyfold.store.access_log.writer:add_numbers", AFTER),
    *_at("COMMIT", "asyncpg:Connection.execute", *Moment, saying="COMMIT", within="AccessLog.file"),
    *_at("filing", "keyfold.ingest.delivery:Delivery.deliver", AFTER),
    *_at(
        "noting what is complete",
        "keyfold.audit.ingest.sink:AccessLogSink.note_caught_up",
        DURING,
        passages_max=1,
    ),
)

WRITING = next(point for point in AUDIT if point.step == "writing")
COMMITTING = next(point for point in AUDIT if point.step == "COMMIT" and point.moment is BEFORE)

OF_SERVICE = {"shipper": SHIPPER, "audit": AUDIT}
