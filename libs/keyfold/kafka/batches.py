"""Records cut into the batches that one produce request carries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from keyfold.wire.record import Record


def built(producer: AIOKafkaProducer, records: Sequence[Record]) -> Iterator[BatchBuilder]:
    """Yield the records as batches in their order, each as full as the producer's batch size allows."""
    batch = producer.create_batch()
    # Each record that is sent comes by here: a call less for each of them shows.
    for each in records:
        at_ms, headers = each.timestamp_ms, list(each.headers)
        if batch.append(timestamp=at_ms, key=each.key, value=each.value, headers=headers) is None:
            yield batch
            batch = producer.create_batch()
            # The first record of a batch always fits: the broker judges its size.
            batch.append(timestamp=at_ms, key=each.key, value=each.value, headers=headers)
    if batch.record_count():
        batch.close()
        yield batch
