"""Notices a reader that answers but receives nothing although there are records to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far a partition is read (the next offset to read) and how far it goes (its end offset)."""

    next_offset: int
    end_offset: int


@dataclass(slots=True, kw_only=True)
class Watchdog:
    """Compares the lag of each partition with what it was one interval ago."""

    interval_s: float
    due_at_s: float
    _reads: int = 0
    _before: Mapping[int, Lag] = field(default_factory=dict)

    def is_due(self, now_s: float, partitions: int) -> bool:
        """Count one read; tell whether the interval is over and each partition has had its turn."""
        self._reads += 1
        return now_s >= self.due_at_s and self._reads > partitions

    def restart(self, now_s: float) -> None:
        """Begin anew, after the consumer or its partitions have changed."""
        self._before, self._reads, self.due_at_s = {}, 0, now_s + self.interval_s

    def find_stuck(self, now_s: float, now: Mapping[int, Lag]) -> frozenset[int]:
        """Return the partitions that had something to read an interval ago and have not moved since."""
        before = self._before
        self.restart(now_s)
        self._before = now
        return frozenset(at for at in now.keys() & before.keys() if _is_stuck(before[at], now[at]))


def _is_stuck(before: Lag, now: Lag) -> bool:
    return before.end_offset > before.next_offset and now.next_offset == before.next_offset
