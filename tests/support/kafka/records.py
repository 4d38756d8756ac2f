"""Numbered records, and reading them back."""

from __future__ import annotations

import asyncio

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from keyfold.kafka.access import client_options
from keyfold.kafka.partition_reader import PartitionReader
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.record import Received, Record

EPOCH_MS = 1_700_000_000_000
READ_TIMEOUT_S = 20


def make_numbered(start: int, end: int, *, padding: int = 0) -> list[Record]:
    """Return a record for each number, with the number as its value."""
    return [
        Record(
            key=f"key-{number}".encode(),
            value=str(number).encode() + b" " * padding,
            headers=(("ce_id", str(number).encode()),),
            timestamp_ms=EPOCH_MS + number,
        )
        for number in range(start, end)
    ]


def values(records: list[Received]) -> list[int]:
    """Return the numbers of records."""
    return [int(record.value or b"") for record in records]


async def read_all(kafka: KafkaAccess, topic: str, partition: int = 0, *, offset: int = 0) -> list[Received]:
    """Return everything in the partition now."""
    async with PartitionReader(kafka, topic, partition, offset=offset) as reader:
        return await read_until(reader, await reader.end_offset())


async def read_until(reader: PartitionReader, end_offset: int) -> list[Received]:
    """Return what arrives until the reader has reached an offset."""
    records: list[Received] = []
    async with asyncio.timeout(READ_TIMEOUT_S):
        while reader.next_offset < end_offset:
            records += await reader.read()
    return records


async def delete_before(kafka: KafkaAccess, topic: str, offset: int) -> None:
    """Make Kafka delete the first partition's records before an offset, as retention would."""
    admin = AIOKafkaAdminClient(**client_options(kafka))
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=offset)})
    finally:
        await admin.close()
