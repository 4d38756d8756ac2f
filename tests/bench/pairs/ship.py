"""ship: access events to Kafka, acknowledged, against the driver sending batches of the same bytes."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from aiokafka import AIOKafkaProducer

from keyfold.kafka.access import client_options
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.shipper.journal_directory import open_journal_directory
from keyfold.shipper.shipping import Shipping, choose_partition
from keyfold.wire.access.codec import access_record, encode_access_event
from keyfold.wire.journal.files import segment_name
from keyfold.wire.record import Record
from keyfold.wire.topics import ACCESS
from tests.bench.collector import settled_collector
from tests.bench.contest import Contest, Figure, Figures, Side
from tests.bench.ground import Ground
from tests.bench.load.traffic import traffic
from tests.bench.stopwatch import rate_per_s
from tests.support.access_events import journal_lines

EVENTS = Figure(name="events/s")
EVENTS_A_GO = 40_000
JOURNAL_READ_BYTES = 4 * 1024 * 1024  # what the shipper reads at a time unless it is told otherwise
POLL_INTERVAL_S = 0.02

Records = Mapping[int, Sequence[Record]]


@asynccontextmanager
async def contests(ground: Ground) -> AsyncIterator[Sequence[Contest]]:
    """Yield two: the whole way from the journal, and publishing alone."""
    options = ProducerOptions(kafka=await ground.kafka())
    events = traffic(1, EVENTS_A_GO, SYSTEM_CLOCK.now())
    records = _by_partition([access_record(encode_access_event(event)) for event in events])
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(Publisher(options))
        producer = await stack.enter_async_context(_driver(options))
        journals = ground.directory_of("journal")
        shipping = await stack.enter_async_context(_shipping(journals, publisher))
        bare = _sending(producer, options, records)
        stack.enter_context(settled_collector())
        yield [
            Contest(
                name="ship",
                figures=(EVENTS,),
                ours=_shipped(shipping, journals, journal_lines(*events)),
                bare=bare,
            ),
            Contest(
                name="ship, publishing alone",
                figures=(EVENTS,),
                ours=_publishing(publisher, records),
                bare=bare,
            ),
        ]


@asynccontextmanager
async def _shipping(journals: Path, publisher: Publisher) -> AsyncIterator[Shipping]:
    async with open_journal_directory(journals) as directory:
        yield Shipping(
            directory,
            publisher,
            topic=ACCESS.name,
            partitions=ACCESS.partitions,
            clock=SYSTEM_CLOCK,
            batch_bytes_max=JOURNAL_READ_BYTES,
            poll_interval_s=POLL_INTERVAL_S,
        )


def _shipped(shipping: Shipping, journals: Path, lines: bytes) -> Side:
    async def all_of_it() -> None:
        while await shipping.ship_once():
            pass

    async def go() -> Figures:
        run = journals / "run"
        run.mkdir()
        (run / segment_name(1)).write_bytes(lines)
        return {EVENTS.name: await rate_per_s(EVENTS_A_GO, all_of_it())}

    return Side(what="the shipper, from a journal on disk to Kafka's word for the last record", go=go)


def _publishing(publisher: Publisher, records: Records) -> Side:
    async def go() -> Figures:
        work = asyncio.gather(*(publisher.publish(ACCESS.name, at, each) for at, each in records.items()))
        return {EVENTS.name: await rate_per_s(EVENTS_A_GO, work)}

    return Side(what="keyfold.kafka's Publisher, one batch of a partition in flight", go=go)


def _sending(producer: AIOKafkaProducer, options: ProducerOptions, records: Records) -> Side:
    async def go() -> Figures:
        work = asyncio.gather(*(_sent(producer, at, each) for at, each in records.items()))
        return {EVENTS.name: await rate_per_s(EVENTS_A_GO, work)}

    how = f"idempotent, acks=all, {options.compression}"
    return Side(what=f"aiokafka's create_batch and send_batch of the same records, {how}", go=go)


async def _sent(producer: AIOKafkaProducer, partition: int, records: Sequence[Record]) -> None:
    acknowledgements = []
    batch = producer.create_batch()
    for record in records:
        fields = {"key": record.key, "value": record.value, "timestamp": record.timestamp_ms}
        if batch.append(**fields, headers=list(record.headers)) is None:
            acknowledgements.append(await producer.send_batch(batch, ACCESS.name, partition=partition))
            batch = producer.create_batch()
            batch.append(**fields, headers=list(record.headers))
    acknowledgements.append(await producer.send_batch(batch, ACCESS.name, partition=partition))
    await asyncio.gather(*acknowledgements)


@asynccontextmanager
async def _driver(options: ProducerOptions) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        **client_options(options.kafka),
        acks="all",
        enable_idempotence=True,
        compression_type=options.compression,
        max_batch_size=options.batch_bytes_max,
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def _by_partition(records: Sequence[Record]) -> Records:
    found: defaultdict[int, list[Record]] = defaultdict(list)
    for record in records:
        found[choose_partition(record, ACCESS.partitions)].append(record)
    return found
