"""Waiting for what comes soon, with a deadline and without a fixed sleep."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

POLL_INTERVAL_S = 0.03
WITHIN_S = 30.0  # costs nothing where it is not needed, and machines are sometimes busy


async def eventually(probe: Callable[[], Awaitable[T | None]], *, within_s: float = WITHIN_S) -> T:
    """Return the first answer that is neither None nor False; fail with the last one after the deadline."""
    answer: T | None = None
    try:
        async with asyncio.timeout(within_s):
            while True:
                answer = await probe()
                if answer is not None and answer is not False:
                    return answer
                await asyncio.sleep(POLL_INTERVAL_S)
    except TimeoutError:
        raise AssertionError(f"not within {within_s:g} s: {probe}; the last answer was {answer!r}") from None


async def eventually_so(fact: Callable[[], bool], *, within_s: float = WITHIN_S) -> None:
    """Return when a condition holds that can be checked without waiting."""

    async def probe() -> bool:
        return fact()

    await eventually(probe, within_s=within_s)
