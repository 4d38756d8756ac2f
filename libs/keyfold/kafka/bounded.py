"""Asking the driver for no longer than is bearable, whatever it makes of a cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")

# asyncio itself holds on to a task only weakly.
_left_behind: set[asyncio.Task[object]] = set()


async def bounded(call: Coroutine[object, object, T], timeout_s: float) -> T:
    """Return what a call of the driver returns. Raises TimeoutError, and leaves the call to itself.

    `asyncio.timeout` would wait for ever where the driver swallows the cancellation; and where a task of the
    driver's own was cancelled, it lets that out as if its caller had been.
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
        task.exception()  # seen, lest asyncio report it as forgotten
