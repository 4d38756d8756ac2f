"""Reads one partition from a known offset on."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from keyfold.kafka.reader import RECORDS_MAX, Reader
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.record import Received


class PartitionReader:
    """Reads a partition in order, each record once, from `offset` on, as `Reader` does."""

    def __init__(
        self,
        kafka: KafkaAccess,
        topic: str,
        partition: int = 0,
        *,
        offset: int,
        client_id: str = "keyfold",
        stall_timeout_s: float = 15.0,
    ) -> None:
        self._partition = partition
        self._reader = Reader(
            kafka, topic, {partition: offset}, client_id=client_id, stall_timeout_s=stall_timeout_s
        )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def next_offset(self) -> int:
        """The offset of the record that `read` will return first."""
        return self._reader.positions[self._partition]

    async def start(self) -> None:
        """Connect and check that the topic exists. Raises Unavailable or KafkaMisconfigured."""
        await self._reader.start()

    async def stop(self) -> None:
        """Disconnect, within a few seconds even if the broker does not answer."""
        await self._reader.stop()

    async def end_offset(self) -> int:
        """Return the offset that the partition's next record will get. Raises Unavailable.

        It is the number of records ever written, if each got one offset.
        """
        return (await self._reader.end_offsets())[self._partition]

    async def rewind(self) -> None:
        """Go back to the oldest record that there is. Raises Unavailable."""
        firsts = await self._reader.first_offsets(frozenset({self._partition}))
        await self._reader.assign(firsts)

    async def read(self, records_max: int = RECORDS_MAX, timeout_s: float = 1.0) -> list[Received]:
        """Return the next records in order; an empty list if none came in time or the broker is away.

        Raises RecordsGone if the next offset was deleted, and Stalled.
        """
        return (await self._reader.read(records_max, timeout_s)).get(self._partition, [])


async def end_offset(kafka: KafkaAccess, topic: str, partition: int = 0) -> int:
    """Return the offset that the partition's next record will get.

    Raises Unavailable or KafkaMisconfigured.
    """
    async with PartitionReader(kafka, topic, partition, offset=0) as reader:
        return await reader.end_offset()
