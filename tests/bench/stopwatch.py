"""Timing: how many a second, by a clock that never goes back."""

from __future__ import annotations

from collections.abc import Awaitable

from keyfold.runtime.clock import SYSTEM_CLOCK


async def rate_per_s(count: int, work: Awaitable[object]) -> float:
    """Return how many things a second the work did, which does this many."""
    began_s = SYSTEM_CLOCK.monotonic_s()
    await work
    return count / (SYSTEM_CLOCK.monotonic_s() - began_s)
