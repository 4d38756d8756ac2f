"""Records cut into the batches that one produce request carries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from libs.wire.record import Record


def built(producer: AIOKafkaProducer, records: Sequence[Record]) -> Iterator[BatchBuilder]:
    """Yield the records as batches in their order, each as full as the producer's batch size allows."""
    batch = producer.create_batch()
    for record in records:
        if not _appended(batch, record):
            yield batch
            batch = producer.create_batch()
            _appended(batch, record)  # the first record of a batch always fits: the broker judges its size
    if batch.record_count():
        batch.close()
        yield batch


def _appended(batch: BatchBuilder, record: Record) -> bool:
    metadata = batch.append(
        timestamp=record.timestamp_ms, key=record.key, value=record.value, headers=list(record.headers)
    )
    return metadata is not None
