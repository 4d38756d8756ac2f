"""Sinks of two kinds with the topics that feed them: what holds for one must hold for the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from keyfold.audit.ingest.sink import AccessLogShare, AccessLogSink
from keyfold.ingest.delivery import Delivery, SettingAside
from keyfold.ingest.loop import IngestLoop
from keyfold.ingest.port import Accepted, Batches, SetAside, Share, Sink, SinkAway, WriterFenced
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.dead_letters.bound import DeadLetterBound
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.reader import Reader
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.access_log.completeness.closed_runs import ClosedRuns
from keyfold.store.access_log.counts import read_caught_up
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.partition_shares import PartitionShare
from keyfold.wire.access.codec import MalformedAccessEvent, decode_access_event
from keyfold.wire.offsets import Advance, PartitionEnd
from tests.support.access_events import EPOCH, access_event
from tests.support.audit.following import FUTURE_MAX_S, NoonClock, Wires
from tests.support.audit.rows import read_filed
from tests.support.eventually import eventually


class Bed(Protocol):
    """A sink, and a way to look at it from outside."""

    wires: Wires

    def sink(self) -> Sink[Any]:
        """Return the sink as a process uses it."""
        ...

    def share(self) -> AbstractAsyncContextManager[Share]:
        """Become one of the members that share the topic."""
        ...

    async def numbers(self) -> list[int]:
        """Return the numbers that were written, in order, duplicates included."""
        ...

    async def offsets(self) -> Mapping[int, int]:
        """Return how far each partition is written."""
        ...

    async def move(self, partition: int, offset: int) -> None:
        """Move an offset, as another process would."""
        ...

    async def complete_at(self) -> datetime | None:
        """Return the recorded time at which it had everything on the topic."""
        ...


@dataclass(slots=True, kw_only=True)
class PostgresBed:
    """The access log."""

    wires: Wires
    pool: Pool

    def sink(self) -> Sink[Any]:
        """Return it as the audit service uses it."""
        return AccessLogSink(
            access_log=AccessLog(self.pool, self.wires.topic),
            closed_runs=ClosedRuns(self.pool),
            partitions=Partitions(self.pool),
            clock=NoonClock(at=EPOCH),
            future_max_s=FUTURE_MAX_S,
        )

    @asynccontextmanager
    async def share(self) -> AsyncIterator[Share]:
        """Share by PostgreSQL's locks."""
        async with PartitionShare(self.wires.dsn, self.wires.topic) as share:
            yield AccessLogShare(share)

    async def numbers(self) -> list[int]:
        """Return the rows' numbers."""
        return await read_filed(self.pool)

    async def offsets(self) -> Mapping[int, int]:
        """Read the table of offsets."""
        rows = await self.pool.fetch("select partition, next_offset from access_log.offsets")
        return {row["partition"]: row["next_offset"] for row in rows}

    async def move(self, partition: int, offset: int) -> None:
        """Write the table of offsets."""
        await self.pool.execute(
            "update access_log.offsets set next_offset = $2 where partition = $1", partition, offset
        )

    async def complete_at(self) -> datetime | None:
        """Ask as the log's counts do."""
        found = await read_caught_up(self.pool, self.wires.topic, age_max_s=60)
        return None if found is None else found.at


@dataclass(slots=True, kw_only=True)
class MemoryBed:
    """A sink that is a list, in this process."""

    wires: Wires
    written: list[int] = field(default_factory=list)
    reached: dict[int, int] = field(default_factory=dict)
    complete: dict[int, datetime] = field(default_factory=dict)
    members: list[object] = field(default_factory=list)

    def sink(self) -> Sink[Any]:
        """Return a sink that writes to this list."""
        return MemorySink(self)

    @asynccontextmanager
    async def share(self) -> AsyncIterator[Share]:
        """Share by turns."""
        member = MemoryShare(self.members)
        self.members.append(member)
        try:
            yield member
        finally:
            self.members.remove(member)

    async def numbers(self) -> list[int]:
        """Return the list."""
        return sorted(self.written)

    async def offsets(self) -> Mapping[int, int]:
        """Return the offsets beside the list."""
        return dict(self.reached)

    async def move(self, partition: int, offset: int) -> None:
        """Change the offsets beside the list."""
        self.reached[partition] = offset

    async def complete_at(self) -> datetime | None:
        """Return the earliest of all partitions' times, once each has one."""
        return min(self.complete.values()) if len(self.complete) == 2 else None


@dataclass(frozen=True, slots=True, eq=False)
class MemoryShare:
    """One member's part."""

    members: Sequence[object]

    async def settle(self, partitions: int) -> frozenset[int]:
        """Return every n-th partition, by when this member joined."""
        turn = self.members.index(self)
        return frozenset(range(turn, partitions, len(self.members)))


@dataclass(frozen=True, slots=True)
class MemorySink:
    """Writes the numbers of events."""

    bed: MemoryBed
    name: str = "memory"

    async def next_offsets(self, partitions: frozenset[int]) -> Mapping[int, int]:
        """Return what is kept."""
        return {each: offset for each, offset in self.bed.reached.items() if each in partitions}

    async def accept(self, batches: Batches) -> Accepted[list[int]]:
        """Read events' numbers."""
        ready, set_aside = list[int](), list[SetAside]()
        for received in (each for records in batches.values() for each in records):
            try:
                ready.append(decode_access_event(received.value or b"").seq)
            except MalformedAccessEvent:
                reason = "malformed: it is no access event"
                set_aside.append(SetAside(received=received, kind="malformed", reason=reason, is_damage=True))
        return Accepted(ready=ready, set_aside=set_aside)

    async def write(self, ready: list[int] | None, advances: Sequence[Advance]) -> None:
        """Add what is missing, and move the offsets."""
        await asyncio.sleep(0)
        if any(self.bed.reached.get(each.partition, each.expected) != each.expected for each in advances):
            raise WriterFenced("memory has moved on")
        self.bed.written += [each for each in dict.fromkeys(ready or ()) if each not in self.bed.written]
        self.bed.reached |= {each.partition: each.next for each in advances}

    async def time(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC)

    async def note_caught_up(self, ends: Mapping[int, PartitionEnd]) -> None:
        """Keep since when."""
        self.bed.complete |= {partition: end.asked_at for partition, end in ends.items()}


class LosesWrites:
    """A sink that writes, but whose first answers are lost."""

    def __init__(self, sink: Sink[Any], *, times: int) -> None:
        self._sink = sink
        self._left = times
        self.name = sink.name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sink, name)

    async def write(self, ready: Any, advances: Sequence[Advance]) -> None:
        """Write, and perhaps raise that the sink is away."""
        await self._sink.write(ready, advances)
        if self._left:
            self._left -= 1
            raise SinkAway("the answer was lost")


@dataclass(slots=True, kw_only=True)
class Measured:
    """What was measured."""

    times_fenced: int = 0
    kinds: list[str] = field(default_factory=list)
    records_gone: dict[int, int] = field(default_factory=dict)
    behind: int | None = None

    def count_fenced(self) -> None:
        """Count it."""
        self.times_fenced += 1

    def count_gone(self, partition: int, records: int) -> None:
        """Keep it."""
        self.records_gone[partition] = records

    def count_set_aside(self, kind: str) -> None:
        """Keep it."""
        self.kinds.append(kind)

    def set_lag(self, records: int) -> None:
        """Keep it."""
        self.behind = records


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingesting:
    """A running loop."""

    loop: IngestLoop[Any]
    delivery: Delivery[Any]
    reader: Reader
    measured: Measured
    task: asyncio.Task[None]


@asynccontextmanager
async def ingesting(
    bed: Bed,
    *,
    sink: Sink[Any] | None = None,
    dead_min: int = 20,
    dead_letters: Publisher | None = None,
    reader: Reader | None = None,
) -> AsyncIterator[Ingesting]:
    """Run a loop into a bed's sink."""
    wires, measured = bed.wires, Measured()
    async with (
        dead_letters or Publisher(ProducerOptions(bootstrap=wires.bootstrap)) as publisher,
        bed.share() as share,
        reader or Reader(wires.bootstrap, wires.topic) as reader,
    ):
        bound = DeadLetterBound(topic=wires.topic, dead_min=dead_min)
        set_aside = SettingAside(publisher=publisher, topic=wires.dead_letter_topic, bound=bound)
        delivery = Delivery(sink or bed.sink(), set_aside, measured, chunk_max=20)
        loop = IngestLoop(
            reader,
            share,
            delivery,
            source="the topic",
            partition_count=partial(publisher.partition_count, wires.topic),
            clock=SYSTEM_CLOCK,
            read_max=1000,
            batch_wait_s=0.01,
            lag_interval_s=0.2,
        )
        task = asyncio.create_task(loop.run())
        try:
            yield Ingesting(loop=loop, delivery=delivery, reader=reader, measured=measured, task=task)
        finally:
            task.cancel()
            await asyncio.wait([task])


async def publish(bed: Bed, *numbers: int, partition: int = 0) -> None:
    """Publish the events of these numbers."""
    await bed.wires.publish(*map(access_event, numbers), partition=partition)


async def holds(bed: Bed, *numbers: int) -> None:
    """Wait until the sink holds exactly these."""

    async def same() -> bool:
        return await bed.numbers() == list(numbers)

    await eventually(same)
