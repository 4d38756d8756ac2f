"""Batches: everybody who waits is taken along, and nobody suffers for another's fault."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from keyfold.registry.commands.batching import (
    BATCH_MAX,
    SHARERS_WAITING_MAX,
    WAITING_MAX,
    Batching,
    TooManyWait,
)
from keyfold.runtime.failure import TryLater

SHARER = 10_000


class Work:
    """Doubles numbers, in batches that it remembers, while it is let; some numbers it cannot do."""

    def __init__(self, *, bad: frozenset[int] = frozenset(), away: frozenset[int] = frozenset()) -> None:
        self.batches: list[list[int]] = []
        self.has_begun = asyncio.Event()
        self.may_go = asyncio.Event()
        self.may_go.set()
        self._bad = bad
        self._away = away

    async def __call__(self, items: Sequence[int]) -> Sequence[int]:
        """Do a batch."""
        self.batches.append(list(items))
        self.has_begun.set()
        await self.may_go.wait()
        if self._away.intersection(items):
            raise TryLater("away")
        if self._bad.intersection(items):
            raise ZeroDivisionError
        return [2 * item for item in items]


def batching(work: Work) -> Batching[int, int]:
    """Return batches that keep apart numbers of a hundred, but for each sharer's first hundred."""
    return Batching(
        work, apart_by=lambda item: item % SHARER // 100 or None, shared_by=lambda item: item // SHARER
    )


async def test_together() -> None:
    """Whoever comes while a batch is worked on is in the next one with all the others, bounded, in order."""
    work = Work()
    together = batching(work)
    work.may_go.clear()
    first = asyncio.create_task(together.submit(0))
    await work.has_begun.wait()
    rest = [asyncio.create_task(together.submit(number)) for number in range(1, 80)]
    await asyncio.sleep(0)
    work.may_go.set()
    assert await asyncio.gather(first, *rest) == [2 * number for number in range(80)]
    assert work.batches == [[0], list(range(1, 1 + BATCH_MAX)), list(range(1 + BATCH_MAX, 80))]


async def test_apart() -> None:
    """Of those that must not be together a batch takes one, and the next the next, in their order."""
    work = Work()
    together = batching(work)
    numbers = (1, 200, 201, 2, 202, 300)
    assert await asyncio.gather(*(together.submit(number) for number in numbers)) == [
        2,
        400,
        402,
        4,
        404,
        600,
    ]
    assert work.batches == [[1, 200, 2, 300], [201], [202]]


async def test_one_is_bad() -> None:
    """One that cannot be done fails alone, after all have been tried by themselves."""
    work = Work(bad=frozenset({2}))
    together = batching(work)
    results = await asyncio.gather(*(together.submit(number) for number in (1, 2, 3)), return_exceptions=True)
    assert [results[0], type(results[1]), results[2]] == [2, ZeroDivisionError, 6]
    assert work.batches == [[1, 2, 3], [1], [2], [3]]


async def test_away() -> None:
    """What may or may not have happened is told to all of the batch, and never tried again."""
    work = Work(away=frozenset({2}))
    together = batching(work)
    results = await asyncio.gather(*(together.submit(number) for number in (1, 2, 3)), return_exceptions=True)
    assert [type(each) for each in results] == [TryLater] * 3
    assert work.batches == [[1, 2, 3]]
    assert await together.submit(4) == 8


async def test_gone() -> None:
    """One whose caller has gone before its batch began is left out; from then on it is done to the end."""
    work = Work()
    together = batching(work)
    work.may_go.clear()
    tasks = [asyncio.create_task(together.submit(number)) for number in (1, 2)]
    await work.has_begun.wait()
    late = asyncio.create_task(together.submit(3))
    await asyncio.sleep(0)
    late.cancel()
    tasks[0].cancel()
    work.may_go.set()
    assert await tasks[1] == 4
    with pytest.raises(asyncio.CancelledError):
        await late
    assert await together.submit(5) == 10
    assert work.batches == [[1, 2], [5]]


async def test_too_many() -> None:
    """No more wait than a bound: whoever comes then is told to try later, and the others are done."""
    work = Work()
    together = batching(work)
    work.may_go.clear()
    first = asyncio.create_task(together.submit(1))
    await work.has_begun.wait()
    numbers = [SHARER * (each % 8) for each in range(WAITING_MAX)]
    waiting = [asyncio.create_task(together.submit(number)) for number in numbers]
    await asyncio.sleep(0)
    with pytest.raises(TooManyWait):
        await together.submit(8 * SHARER)
    work.may_go.set()
    assert await asyncio.gather(first, *waiting) == [2 * number for number in (1, *numbers)]


async def test_one_has_many() -> None:
    """Whoever sends as many as can wait takes a part of the room, and of the next batch, from nobody else."""
    work = Work()
    together = batching(work)
    work.may_go.clear()
    many = [asyncio.create_task(together.submit(each % 100)) for each in range(WAITING_MAX)]
    await work.has_begun.wait()
    others = [asyncio.create_task(together.submit(each * SHARER)) for each in (1, 2)]
    await asyncio.sleep(0)
    work.may_go.set()
    assert await asyncio.gather(*others) == [2 * SHARER, 4 * SHARER]
    assert {SHARER, 2 * SHARER} <= set(work.batches[1])
    results = await asyncio.gather(*many, return_exceptions=True)
    refused = [each for each in results if isinstance(each, TooManyWait)]
    assert len(refused) == WAITING_MAX - SHARERS_WAITING_MAX
    assert len(set(map(len, work.batches[1:-1]))) == 1  # whole batches
