"""A disk that is slow or fails, and a gatekeeper's heart whose journal is on it, with its alarms."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from keyfold.gatekeeper.journal.segment import Segment
from keyfold.runtime.health import Health
from keyfold.runtime.metrics import exposition
from tests.support.eventually import eventually
from tests.support.gatekeeper.heart import (
    Clock,
    Heart,
    reason_of,
)


@dataclass
class Disk:
    """What happens to whoever writes to a disk."""

    clock: Clock = field(default_factory=Clock)
    write_s: float = 0.0
    error: int | None = None
    writes: int = 0

    def touch(self) -> None:
        """Take as long as it takes, and fail where it fails."""
        self.writes += 1
        self.clock.seconds += self.write_s
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))

    def segment(self, directory: Path, first_seq: int) -> Segment:
        """Return a new file on it."""
        segment = OnDisk.create(directory, first_seq)
        segment.disk = self
        return segment


class OnDisk(Segment):
    """A file on such a disk."""

    disk: Disk

    def append(self, lines: bytes) -> int:
        self.disk.touch()
        return super().append(lines)


@dataclass(frozen=True, slots=True)
class Watched:
    """A gatekeeper's heart with its alarms."""

    heart: Heart
    health: Health
    logs: list[dict[str, object]]
    refused_before: float

    async def ask(self) -> tuple[int, str | None]:
        """Ask for what may pass; an allow has its record, and nothing else has one more than before."""
        before = len(self.heart.records())
        answer = await self.heart.answer()
        if answer.status == 200:
            assert len(self.heart.records()) == before + 1
            assert self.heart.records()[-1].event_id == answer.headers["X-Keyfold-Decision"]
        return answer.status, reason_of(answer)

    @property
    def alarms(self) -> tuple[bool, int, list[object]]:
        """Whether it is ready, how many requests it refused, and what it logged."""
        refused = round(refused_requests() - self.refused_before)
        return self.health.reasons().keys() == set(), refused, [each["event"] for each in self.logs]

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Look after the journal for the length of the block, as a gatekeeper does."""
        watch = asyncio.create_task(self.heart.journal.watch(interval_s=0.005))
        try:
            yield
        finally:
            watch.cancel()

    async def recovers(self) -> None:
        """Return when the journal says that it takes records."""

        async def is_well() -> bool:
            return self.heart.journal.fault is None

        await eventually(is_well)


def refused_requests() -> float:
    """Return how many requests this process has refused for its journal's sake."""
    name = "keyfold_journal_refused_total "
    return next(
        float(line.split()[1]) for line in exposition().decode().splitlines() if line.startswith(name)
    )


def list_of(logs: object) -> list[dict[str, object]]:
    """Return captured logs as what they are."""
    assert isinstance(logs, list)
    return logs
