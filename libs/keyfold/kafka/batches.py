"""Splits records into the batches that one produce request carries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from keyfold.wire.record import Record


def build_batches(producer: AIOKafkaProducer, records: Sequence[Record]) -> Iterator[BatchBuilder]:
    """Yield the records as batches, in order, each as full as the producer's batch size allows."""
    batch = producer.create_batch()
    # Every record that is sent passes here: one call less for each makes a difference.
    for each in records:
        at_ms, headers = each.timestamp_ms, list(each.headers)
        if batch.append(timestamp=at_ms, key=each.key, value=each.value, headers=headers) is None:
            yield batch
            batch = producer.create_batch()
            # The first record always fits into a batch: its size is for the broker to judge.
            batch.append(timestamp=at_ms, key=each.key, value=each.value, headers=headers)
    if batch.record_count():
        batch.close()
        yield batch
