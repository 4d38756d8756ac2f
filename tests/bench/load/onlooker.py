"""An observer of the lifecycle topic: it says when an event could be read there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from keyfold.kafka.partition_reader import PartitionReader
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.record import Received
from keyfold.wire.topics import LIFECYCLE

REVOKED = ("ce_type", b"keyfold.subscriber_key.revoked")


class Onlooker:
    """Reads every record, and records when each awaited one came."""

    def __init__(self, reader: PartitionReader) -> None:
        self._reader = reader
        self._awaited: dict[str, asyncio.Future[float]] = {}

    def revoked_at_s(self, key_id: str) -> asyncio.Future[float]:
        """Return a future with the moment (monotonic) at which the key's revocation was read."""
        return self._awaited.setdefault(key_id, asyncio.get_running_loop().create_future())

    async def watch(self) -> None:
        """Read until cancelled."""
        while True:
            for record in await self._reader.read():
                self._note(record, SYSTEM_CLOCK.monotonic_s())

    def _note(self, record: Received, at_s: float) -> None:
        if REVOKED in record.headers and record.key is not None:
            waiting = self._awaited.pop(record.key.decode().removeprefix("key-"), None)
            if waiting is not None:
                waiting.set_result(at_s)


@asynccontextmanager
async def open_onlooker(kafka: KafkaAccess) -> AsyncIterator[Onlooker]:
    """Yield one that watches during the block."""
    async with PartitionReader(kafka, LIFECYCLE.name, offset=0, client_id="bench") as reader:
        onlooker = Onlooker(reader)
        watching = asyncio.create_task(onlooker.watch(), name="onlooker")
        try:
            yield onlooker
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
