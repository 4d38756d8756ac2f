"""Two overlapping steps."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from keyfold.runtime.overlapping import overlap


@dataclass
class Work:
    """Two steps, which a test can hold up; `log` records what was done."""

    log: list[str] = field(default_factory=list)
    first_fails_at: int | None = None
    second_fails_at: int | None = None
    second_goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def first(self, item: int) -> int:
        """Take the first step."""
        await asyncio.sleep(0)
        self.log.append(f"first {item}")
        if item == self.first_fails_at:
            raise ValueError(item)
        return item

    async def second(self, item: int) -> None:
        """Take the second step, when it may."""
        self.log.append(f"second {item} begins")
        if item == self.second_fails_at:
            raise LookupError(item)
        try:
            await self.second_goes_on.wait()
        except asyncio.CancelledError:
            self.log.append(f"second {item} is cancelled")
            raise
        self.log.append(f"second {item}")


async def test_the_next_is_made_ready_meanwhile() -> None:
    """While one item is at the second step, the next goes through the first, and then waits its turn."""
    work = Work()
    task = asyncio.create_task(overlap([1, 2, 3], work.first, work.second))
    while "first 2" not in work.log:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0)
    assert work.log == ["first 1", "second 1 begins", "first 2"]
    work.second_goes_on.set()
    await task
    assert [each for each in work.log if "begins" not in each and "second" in each] == [
        "second 1",
        "second 2",
        "second 3",
    ]


async def test_nothing_at_all() -> None:
    """Without items nothing is done."""
    work = Work()
    await overlap([], work.first, work.second)
    assert work.log == []


async def test_a_failure_of_the_first_step_ends_the_second() -> None:
    """A failure of the first step ends all, with nothing left under way."""
    work = Work(first_fails_at=2)
    with pytest.raises(ValueError, match="2"):
        await overlap([1, 2, 3], work.first, work.second)
    assert work.log == ["first 1", "second 1 begins", "first 2", "second 1 is cancelled"]


async def test_a_failure_of_the_second_step_is_told() -> None:
    """Nothing goes to the second step behind what failed there."""
    work = Work(second_fails_at=1)
    with pytest.raises(LookupError):
        await overlap([1, 2, 3], work.first, work.second)
    assert work.log == ["first 1", "second 1 begins", "first 2"]


async def test_both_fail() -> None:
    """One of two failures is raised, and the other is not forgotten with a warning."""
    work = Work(first_fails_at=2, second_fails_at=1)
    with pytest.raises(ValueError, match="2"):
        await overlap([1, 2], work.first, work.second)


async def test_a_cancellation_ends_both() -> None:
    """Who is cancelled leaves nothing under way."""
    work = Work()
    task = asyncio.create_task(overlap([1, 2], work.first, work.second))
    while "first 2" not in work.log:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert work.log[-1] == "second 1 is cancelled"
