"""Sinks of two kinds with the topics that feed them: what holds for one must hold for the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from keyfold.audit.ingest.sink import AccessLogShare
from keyfold.ingest.port import Share, Sink, SinkAway
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.reader import Reader
from keyfold.store.access_log.counts import read_caught_up
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.partition_shares import PartitionShare
from keyfold.wire.offsets import Advance
from tests.support.access_events import EPOCH, access_event
from tests.support.audit.following import NoonClock, sink_on
from tests.support.audit.rows import read_filed
from tests.support.eventually import eventually
from tests.support.ingest.wires import Running, Wires, run_loop


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
        return sink_on(self.pool, self.wires.topic, NoonClock(at=EPOCH))

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
class Ingesting(Running):
    """A running loop, and what was measured of it."""

    measured: Measured


@asynccontextmanager
async def ingesting(
    bed: Bed,
    *,
    sink: Sink[Any] | None = None,
    junk_max: int = 20,
    dead_letters: Publisher | None = None,
    reader: Reader | None = None,
) -> AsyncIterator[Ingesting]:
    """Run a loop into a bed's sink."""
    measured = Measured()
    async with (
        bed.share() as share,
        run_loop(
            bed.wires,
            sink or bed.sink(),
            share,
            measured,
            source="the topic",
            junk_max=junk_max,
            dead_letters=dead_letters,
            reader=reader,
        ) as running,
    ):
        yield Ingesting(
            loop=running.loop,
            delivery=running.delivery,
            reader=running.reader,
            task=running.task,
            measured=measured,
        )


async def publish(bed: Bed, *numbers: int, partition: int = 0) -> None:
    """Publish the events of these numbers."""
    await bed.wires.publish(*map(access_event, numbers), partition=partition)


async def holds(bed: Bed, *numbers: int) -> None:
    """Wait until the sink holds exactly these."""

    async def same() -> bool:
        return await bed.numbers() == list(numbers)

    await eventually(same)
