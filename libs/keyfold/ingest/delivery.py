"""Delivers what came from Kafka: each record exactly once to the sink, or else to the dead letters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

import structlog

from keyfold.ingest.chunks import split_chunks
from keyfold.ingest.junk_bound import JunkBound
from keyfold.ingest.port import (
    Accepted,
    Batches,
    IngestMeasures,
    R,
    SetAside,
    Sink,
    SinkAway,
    WriterFenced,
)
from keyfold.kafka.dead_letters.record import dead_letter
from keyfold.kafka.errors import OutcomeUnknown, Unavailable
from keyfold.kafka.publisher import Publisher
from keyfold.runtime.overlapping import overlap
from keyfold.runtime.retrying import Patience
from keyfold.wire.offsets import Advance
from keyfold.wire.record import Received

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingAside:
    """Where records are set aside, and how many of them whole."""

    publisher: Publisher
    topic: str
    bound: JunkBound


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk(Generic[R]):
    batches: Batches
    accepted: Accepted[R]


class Delivery(Generic[R]):
    """Delivers batches of records, and keeps the next offset of each of this process's partitions."""

    def __init__(
        self, sink: Sink[R], dead_letters: SettingAside, measures: IngestMeasures, *, chunk_max: int
    ) -> None:
        self.sink = sink
        self.measures = measures
        self._dead_letters = dead_letters
        self._chunk_max = chunk_max
        self._written: dict[int, int] = {}
        self._patience = Patience()

    @property
    def trouble(self) -> str | None:
        """What is being waited for; None for nothing."""
        return self._patience.trouble

    @property
    def written(self) -> Mapping[int, int]:
        """The next offset to write of each partition, as far as it is known."""
        return dict(self._written)

    async def next_offsets(self, partitions: frozenset[int]) -> Mapping[int, int]:
        """Return the next offset of each of these partitions that was ever written from. Raises SinkAway."""
        self._written = dict(await self.sink.next_offsets(partitions))
        return self.written

    async def deliver(self, batches: Batches) -> None:
        """Return when each record is in the sink or a dead letter, and the offsets are moved.

        While one chunk is written, the next is made ready. Waits for the sink and Kafka as long as they are
        away. Raises WriterFenced: nothing was written from that chunk on.
        """
        await overlap(split_chunks(batches, self._chunk_max), self._accept, self._deliver)

    async def pass_over(self, oldest: Mapping[int, int]) -> None:
        """Go on from these offsets, because Kafka deleted the records before them. Raises WriterFenced."""
        # Reported before it is done: after a crash in between it is reported again rather than never.
        for partition, offset in oldest.items():
            first = self._written[partition]
            self.measures.count_gone(partition, offset - first)
            log.error("records_gone", partition=partition, first=first, last=offset - 1)
        advances = [
            Advance(partition=partition, expected=self._written[partition], next=offset)
            for partition, offset in oldest.items()
        ]
        await self._write(None, advances)
        self._written |= oldest

    async def _accept(self, batches: Batches) -> _Chunk[R]:
        return _Chunk(batches=batches, accepted=await self.sink.accept(batches))

    async def _deliver(self, chunk: _Chunk[R]) -> None:
        set_aside = chunk.accepted.set_aside
        # Before the offsets move: after a crash in between, a dead letter is repeated rather than lost.
        await self._set_aside(self._dead_letters.bound.choose(set_aside))
        advances = [self._advance(partition, records) for partition, records in chunk.batches.items()]
        await self._write(chunk.accepted.ready, advances)
        self._written |= {each.partition: each.next for each in advances}
        for each in set_aside:
            self.measures.count_set_aside(each.kind)

    async def _set_aside(self, records: Sequence[SetAside]) -> None:
        for each in records:
            at = each.received
            log.warning("record_dead_lettered", partition=at.partition, offset=at.offset, reason=each.reason)
        letters = [dead_letter(each.received, reason=each.reason) for each in records]
        if letters:
            await self._patience.retry(
                "Kafka",
                lambda: self._dead_letters.publisher.publish(self._dead_letters.topic, 0, letters),
                on=(Unavailable, OutcomeUnknown),
            )

    def _advance(self, partition: int, records: Sequence[Received]) -> Advance:
        expected = self._written.get(partition, records[0].offset)
        return Advance(partition=partition, expected=expected, next=records[-1].offset + 1)

    async def _write(self, ready: R | None, advances: Sequence[Advance]) -> None:
        await self._patience.retry(self.sink.name, lambda: self._attempt(ready, advances), on=(SinkAway,))

    async def _attempt(self, ready: R | None, advances: Sequence[Advance]) -> None:
        try:
            await self.sink.write(ready, advances)
        except WriterFenced:
            # A retry of a write whose answer was lost is fenced too: then the offsets are where it moved
            # them.
            moved = {each.partition: each.next for each in advances}
            if moved != await self.sink.next_offsets(frozenset(moved)):
                raise
