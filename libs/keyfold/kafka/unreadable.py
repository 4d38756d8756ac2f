"""Reads past batches that cannot be decoded: whoever may write to a topic can send one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka import errors as driver
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords

from keyfold.kafka.bounded import run_bounded
from keyfold.kafka.errors import translate_read_errors
from keyfold.runtime.metrics import counter
from keyfold.wire.record import Headers, Received

_TIMEOUT_S: Final = 10.0
_READ_UNCOMMITTED: Final = 0
_BYTES_MAX: Final = 4 * 1024 * 1024

UNREADABLE_RECORDS: Final = counter(
    "keyfold_kafka_unreadable_records_total",
    "Offsets of batches that could not be decoded and were passed over, by topic.",
    ["topic"],
)

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Readable:
    """What could be read: records by partition, in order, and the next offset of each partition."""

    records: dict[int, list[Received]] = field(default_factory=dict)
    next_offsets: dict[int, int] = field(default_factory=dict)


async def read_around(
    consumer: AIOKafkaConsumer, topic: str, next_offsets: Mapping[int, int], *, records_max: int
) -> Readable:
    """Return the next records of each partition without those of batches that cannot be decoded.

    Every batch passed over is logged and counted. Of each partition come its share of `records_max` at most,
    so that each gets past its own. Asks the broker beside what the consumer fetches. Raises Unavailable.
    """
    share = max(1, records_max // len(next_offsets))
    found = Readable()
    for partition, offset in next_offsets.items():
        with translate_read_errors():
            fetched = await run_bounded(_fetch(consumer, topic, partition, offset), _TIMEOUT_S)
        records, next_offset = _decode(fetched, topic, partition, offset, share)
        if records:
            found.records[partition] = records
        found.next_offsets[partition] = next_offset
        await asyncio.sleep(0)  # decoding keeps the processor busy
    return found


async def _fetch(consumer: AIOKafkaConsumer, topic: str, partition: int, offset: int) -> bytes:
    """Return the batches from that offset on, not decoded; the first one whole, however large it is."""
    client = consumer._client  # noqa: SLF001 - nothing public hands out what cannot be decoded
    leader = client.cluster.leader_for_partition(TopicPartition(topic, partition))
    if leader is None or leader == -1:
        raise driver.LeaderNotAvailableError(f"{topic}[{partition}]")
    request = FetchRequest(0, 0, _BYTES_MAX, _READ_UNCOMMITTED, [(topic, [(partition, offset, _BYTES_MAX)])])
    answer = await client.send(leader, request)
    [(_, [(_, code, *_, batches)])] = answer.topics
    if (error := driver.for_code(code)) is driver.OffsetOutOfRangeError:
        raise error({TopicPartition(topic, partition): offset})
    if error is not driver.NoError:
        raise error(f"{topic}[{partition}]")
    return batches or b""


def _decode(
    fetched: bytes, topic: str, partition: int, offset: int, records_max: int
) -> tuple[list[Received], int]:
    found: list[Received] = []
    batches = MemoryRecords(fetched)
    while batches.has_next() and len(found) < records_max:
        batch = batches.next_batch()
        next_offset = max(offset, batch.next_offset)
        try:
            records = _records_of(batch)
        except Exception as fault:
            log.error(
                "unreadable_batch",
                topic=topic,
                partition=partition,
                first=offset,
                last=next_offset - 1,
                reason=type(fault).__name__,  # its text quotes the batch
            )
            UNREADABLE_RECORDS.labels(topic).inc(next_offset - offset)
            records = []
        wanted = [each for each in records if each.offset >= offset]
        taken = wanted[: records_max - len(found)]
        found += [
            Received(topic, partition, at.offset, at.key, at.value, _headers_of(at), at.timestamp)
            for at in taken
        ]
        offset = next_offset if len(taken) == len(wanted) else taken[-1].offset + 1
    return found, offset


def _records_of(batch: Any) -> list[Any]:
    if not batch.validate_crc():
        raise driver.CorruptRecordException
    return [] if batch.is_control_batch else list(batch)


def _headers_of(record: Any) -> Headers:
    return tuple((name, value or b"") for name, value in record.headers)
