"""Calls of the driver with a time limit, however the driver treats cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")

# asyncio itself keeps only a weak reference to a task.
_left_behind: set[asyncio.Task[object]] = set()


async def run_bounded(call: Coroutine[object, object, T], timeout_s: float) -> T:
    """Return what a call of the driver returns. Raises TimeoutError after `timeout_s`, and abandons the call.

    `asyncio.timeout` would wait for ever if the driver swallows the cancellation. And if a task of the driver
    was cancelled, the driver raises that as if its caller had been.
    """
    task = asyncio.create_task(call)
    try:
        await asyncio.wait({task}, timeout=timeout_s)
    finally:
        if not task.done():
            _leave(task)
    if not task.done() or task.cancelled():
        raise TimeoutError
    return task.result()


def _leave(task: asyncio.Task[T]) -> None:
    _left_behind.add(task)
    task.add_done_callback(_forget)
    task.cancel()


def _forget(task: asyncio.Task[T]) -> None:
    _left_behind.discard(task)
    if not task.cancelled():
        task.exception()  # retrieved, so that asyncio does not report it as never retrieved
