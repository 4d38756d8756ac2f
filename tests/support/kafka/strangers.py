"""What somebody else may write to a topic, which no client of ours would."""

from __future__ import annotations

from contextlib import AsyncExitStack

from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c

from keyfold.kafka.access import client_options
from keyfold.runtime.settings.kafka import KafkaAccess

_CRC_AT, _CHECKED_FROM = 17, 21


async def write_unreadable(kafka: KafkaAccess, topic: str, partition: int = 0, *, records: int = 1) -> None:
    """Write one batch whose records have a header with a name that is not UTF-8."""
    async with AIOKafkaProducer(**client_options(kafka)) as producer:
        batch = producer.create_batch()
        for _ in range(records):
            batch.append(key=b"k", value=b"v", timestamp=None, headers=[("name", b"")])
        made = bytearray(bytes(batch._build()).replace(b"name", b"\xff\xfe\xfd\xfc"))  # noqa: SLF001
        made[_CRC_AT:_CHECKED_FROM] = calc_crc32c(bytes(made[_CHECKED_FROM:])).to_bytes(4, "big")
        batch._buffer = made  # noqa: SLF001 - nothing public writes what is broken
        await (await producer.send_batch(batch, topic, partition=partition))


async def leave_transaction_open(kafka: KafkaAccess, topic: str, stack: AsyncExitStack) -> None:
    """Write one record, `-1`, in a transaction that stays open until the stack ends."""
    producer = AIOKafkaProducer(**client_options(kafka), transactional_id=topic)
    await stack.enter_async_context(producer)
    await producer.begin_transaction()
    stack.push_async_callback(producer.abort_transaction)
    await producer.send_and_wait(topic, b"-1", partition=0)


async def commit_transaction(kafka: KafkaAccess, topic: str) -> None:
    """Write one record, `-1`, in a transaction: its marker takes an offset after the record."""
    producer = AIOKafkaProducer(**client_options(kafka), transactional_id=topic)
    async with producer, producer.transaction():
        await producer.send_and_wait(topic, b"-1", partition=0)
