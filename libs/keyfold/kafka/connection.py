"""One idempotent producer, from its start to its certain end."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from keyfold.kafka.access import client_options, open_client
from keyfold.kafka.bounded import run_bounded
from keyfold.kafka.errors import KafkaMisconfigured, translate_read_errors, translate_write_errors
from keyfold.runtime.settings.kafka import KafkaAccess

STOP_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerOptions:
    """How a producer talks to the broker. `compression` is lz4, zstd, snappy, gzip or None."""

    kafka: KafkaAccess
    client_id: str = "keyfold"
    compression: str | None = "lz4"
    batch_bytes_max: int = 512 * 1024
    timeout_s: float = 10.0


@dataclass(slots=True, kw_only=True)
class ProducerConnection:
    """A started producer. Once `broken` it must not be used: its sequence numbers are in doubt."""

    producer: AIOKafkaProducer
    timeout_s: float
    broken: asyncio.Event = field(default_factory=asyncio.Event)

    async def deliver(self, batch: BatchBuilder, topic: str, partition: int) -> int | None:
        """Return the offset after the batch, once the broker has acknowledged it; None if it does not say.

        Any other outcome breaks the connection.
        """
        acknowledged = False
        try:
            with translate_write_errors():
                async with asyncio.timeout(self.timeout_s):
                    offset = await self._acknowledgement(batch, topic, partition)
            acknowledged = True
            # A broker that already has the batch need not know its offset.
            return None if offset < 0 else offset + batch.record_count()
        finally:
            if not acknowledged:  # also if cancelled: the batch may still be on its way
                self.broken.set()

    async def _acknowledgement(self, batch: BatchBuilder, topic: str, partition: int) -> int:
        ack = await self.producer.send_batch(batch, topic, partition=partition)
        ack.add_done_callback(_retrieve_failure)
        broken = asyncio.ensure_future(self.broken.wait())
        try:
            await asyncio.wait({ack, broken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            broken.cancel()
        if not ack.done():
            raise TimeoutError("another batch broke the connection")
        return int((await ack).offset)

    async def require_partition(self, topic: str, partition: int) -> None:
        """Raise KafkaMisconfigured unless the partition exists; nothing has been sent by then."""
        with translate_read_errors():
            async with asyncio.timeout(self.timeout_s):
                known = await self.producer.partitions_for(topic)
        if partition not in known:
            raise KafkaMisconfigured(f"{topic} has no partition {partition}")

    async def close(self) -> None:
        """Send what is queued if the broker takes it, and end within a few seconds whatever happens."""
        if not self.broken.is_set():
            with contextlib.suppress(TimeoutError, KafkaError, OSError):
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await self.producer.flush()
        await kill(self.producer)


async def connect(options: ProducerOptions) -> ProducerConnection:
    """Start a producer. Raises Unavailable; nothing was sent then."""
    producer = AIOKafkaProducer(
        **client_options(options.kafka),
        client_id=options.client_id,
        acks="all",
        enable_idempotence=True,
        compression_type=options.compression,
        max_batch_size=options.batch_bytes_max,
        linger_ms=0,  # batches are complete: there is nothing to wait for
        request_timeout_ms=int(options.timeout_s * 1000),
        retry_backoff_ms=50,
    )
    try:
        with translate_read_errors():
            async with asyncio.timeout(options.timeout_s):
                await open_client(producer, options.kafka)
    except BaseException:
        await kill(producer)
        raise
    return ProducerConnection(producer=producer, timeout_s=options.timeout_s)


async def kill(producer: AIOKafkaProducer) -> None:
    """End a producer that may be stuck, so that none of its batches can arrive after its successor's.

    An idempotent producer never gives up a batch, so stop() alone waits for ever for a broker that is away.
    """
    abandoned = KafkaConnectionError("the producer was abandoned")
    producer._message_accumulator.fail_all(abandoned)  # noqa: SLF001 - nothing public empties its queue
    # Its connections first: requests in flight fail now, instead of after their time-out.
    for end in (producer.client.close, producer.stop):
        with contextlib.suppress(Exception):  # its tasks may fail because their queue was emptied
            await run_bounded(end(), STOP_TIMEOUT_S)


def _retrieve_failure(ack: asyncio.Future[object]) -> None:
    """Retrieve a late failure, which asyncio would otherwise report as never retrieved."""
    if not ack.cancelled():
        ack.exception()
