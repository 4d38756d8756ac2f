"""A sink in memory, and what lies beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from keyfold.ingest.port import Accepted, Batches, SetAside, Share, Sink, WriterFenced
from keyfold.wire.access.codec import MalformedAccessEvent, decode_access_event
from keyfold.wire.offsets import Advance, PartitionEnd
from tests.support.ingest.wires import Wires


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
