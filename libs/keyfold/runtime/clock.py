"""The only place that asks for the time, for ids and for randomness."""

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

import uuid_utils

# Linux's monotonic clock stands still while the machine is suspended, and a lease must not.
_STEADY: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """Time, ids and randomness; a test brings its own."""

    def now(self) -> datetime:
        """Wall-clock time in UTC, with microseconds."""
        ...

    def monotonic_s(self) -> float:
        """Seconds on a clock that never goes back; only differences mean anything."""
        ...

    def new_event_id(self) -> str:
        """Return a UUIDv7: unique, and sorted by the time it was made."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """Return ``count`` bytes fit for secrets."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's own time and randomness."""

    def now(self) -> datetime:
        """Wall-clock time in UTC, with microseconds."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Seconds on a clock that never goes back; only differences mean anything."""
        return time.clock_gettime(_STEADY)

    def new_event_id(self) -> str:
        """Return a UUIDv7: unique, and sorted by the time it was made."""
        return str(uuid_utils.uuid7())

    def random_bytes(self, count: int) -> bytes:
        """Return ``count`` bytes fit for secrets, from the operating system."""
        return os.urandom(count)


SYSTEM_CLOCK: Final[Clock] = SystemClock()
