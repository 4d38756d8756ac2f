"""The examples, run as their reader would run them, on topics of their own."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from pathlib import Path

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from keyfold.domain.access.event import AccessEvent
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.wire.access.codec import access_record, encode_access_event
from keyfold.wire.record import Record

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
POISON = Record(key=None, value=b"\xff not\nours", headers=(), timestamp_ms=0)


def record_of(event: AccessEvent) -> Record:
    """Return the record that a shipper makes of an event."""
    return access_record(encode_access_event(event))


async def publish(bootstrap: str, topic: str, records: Mapping[int, Sequence[Record]]) -> None:
    """Publish records to the given partitions, in order."""
    async with Publisher(ProducerOptions(bootstrap=bootstrap)) as publisher:
        for partition, each in records.items():
            await publisher.publish(topic, partition, each)


async def delete_before(bootstrap: str, topic: str, offset: int) -> None:
    """Delete the oldest records of a topic's first partition, as retention does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=offset)})
    finally:
        await admin.close()


async def start_example(name: str, *arguments: str | Path) -> Process:
    """Start an example."""
    return await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLES / name), *map(str, arguments), stdout=PIPE, stderr=PIPE
    )


async def run(name: str, *arguments: str | Path) -> tuple[str, str]:
    """Run an example to its successful end; return its output and its errors."""
    process = await start_example(name, *arguments)
    printed, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()
    return printed.decode(), complained.decode()
