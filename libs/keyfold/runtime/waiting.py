"""Waiting for what a process needs to start: it logs what it waits for, tries again, gives up at a bound."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from keyfold.runtime.clock import SYSTEM_CLOCK, Clock
from keyfold.runtime.failure import StopProcess, TryLater
from keyfold.runtime.retrying import Backoff

T = TypeVar("T")

log = structlog.get_logger(__name__)


async def wait_for(
    what: str,
    attempt: Callable[[], Awaitable[T]],
    *,
    timeout_s: float,
    clock: Clock = SYSTEM_CLOCK,
) -> T:
    """Return what ``attempt`` returns, trying again on ``TryLater`` and ``OSError``.

    Raises ``StopProcess`` with the last reason after ``timeout_s``, which also ends an attempt that hangs.
    ``what`` completes "waiting for …".
    """
    deadline_s = clock.monotonic_s() + timeout_s
    backoff, reason = Backoff(), "it does not answer"
    while True:
        bound = asyncio.timeout(max(0.0, deadline_s - clock.monotonic_s()))
        try:
            async with bound:
                return await attempt()
        except (OSError, TryLater) as away:
            left_s = deadline_s - clock.monotonic_s()
            if not bound.expired():  # else the error says only that time is up
                reason = str(away) or type(away).__name__
        if left_s > 0:
            log.warning("waiting", what=what, reason=reason, left_s=round(left_s, 1))
            await backoff.pause(left_s)
        if clock.monotonic_s() >= deadline_s:  # another attempt would have no time
            raise StopProcess(f"gave up waiting for {what} after {timeout_s:g} s: {reason}")
