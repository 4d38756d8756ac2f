"""Time limits on calls of a driver that mishandles cancellation."""

from __future__ import annotations

import asyncio

import pytest

from keyfold.kafka.bounded import run_bounded


async def test_answer() -> None:
    """What the call returns in time is returned, and what it raises is raised."""

    async def answer(value: int) -> int:
        return 10 // value

    assert await run_bounded(answer(5), 1) == 2
    with pytest.raises(ZeroDivisionError):
        await run_bounded(answer(0), 1)


async def test_swallowed_cancellation() -> None:
    """A call that ignores its cancellation is abandoned in time, and disturbs nobody later."""
    swallowed, released = asyncio.Event(), asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.set()
        await released.wait()
        raise ConnectionError("too late")

    async with asyncio.timeout(5):
        with pytest.raises(TimeoutError):
            await run_bounded(stubborn(), 0.01)
        await swallowed.wait()
        released.set()


async def test_cancellation_of_its_own() -> None:
    """A cancellation raised by the call itself becomes a time-out, not a cancellation of the caller."""

    async def stumbles() -> None:
        raise asyncio.CancelledError

    with pytest.raises(TimeoutError):
        await run_bounded(stumbles(), 1)


async def test_cancelled_caller() -> None:
    """A caller that is cancelled does not wait for the call, and cancels it."""
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def waits() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    caller = asyncio.create_task(run_bounded(waits(), 60))
    await began.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await cancelled.wait()
