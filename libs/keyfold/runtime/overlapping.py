"""Two overlapping steps: while one item is at the second, the next is at the first."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


async def overlap(
    items: Iterable[T],
    first: Callable[[T], Coroutine[object, object, U]],
    second: Callable[[U], Coroutine[object, object, None]],
) -> None:
    """Take each item through both steps, in order, one at a time at each step.

    Raises what a step raises, after cancelling what is at the second step: nothing is under way afterwards.
    """
    under_way: asyncio.Task[None] | None = None
    try:
        for item in items:
            ready = await first(item)
            if under_way is not None:
                await under_way
            under_way = asyncio.create_task(second(ready))
        if under_way is not None:
            await under_way
    finally:
        if under_way is not None:
            under_way.cancel()
            await asyncio.gather(under_way, return_exceptions=True)
