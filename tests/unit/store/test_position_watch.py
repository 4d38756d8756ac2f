"""All who wait for a position are told when it is reached, by as few looks as possible."""

from __future__ import annotations

import asyncio

import pytest

from keyfold.store.postgres.position_watch import PositionWatch

LONG_S = 30


class Position:
    """A position that counts the looks at it, and can hold a look up."""

    def __init__(self, value: int = 0) -> None:
        self.value = value
        self.looks = 0
        self.looked = asyncio.Event()
        self.opened = asyncio.Event()
        self.opened.set()

    async def __call__(self) -> int:
        self.looks += 1
        self.looked.set()
        value = self.value
        await self.opened.wait()
        return value


async def test_many_waiters_share_a_look() -> None:
    """A thousand who begin to wait together share one look, and one more when it is time to look again."""
    position = Position()
    watch = PositionWatch("position", position, None)
    waits = [asyncio.create_task(watch.wait_for(1, LONG_S)) for _ in range(1000)]
    await position.looked.wait()
    position.value = 1
    assert all(await asyncio.gather(*waits))
    assert position.looks == 2


async def test_a_look_that_began_before_is_not_shared() -> None:
    """Whoever comes during a look is answered from one that begins afterwards."""
    position = Position()
    position.opened.clear()
    watch = PositionWatch("position", position, None)
    early = asyncio.create_task(watch.wait_for(1, 0))
    await position.looked.wait()
    position.value = 1
    late = [asyncio.create_task(watch.wait_for(1, 0)) for _ in range(10)]
    await asyncio.sleep(0)
    position.opened.set()
    assert not await early
    assert all(await asyncio.gather(*late))
    assert position.looks == 2


async def test_time_is_up() -> None:
    """A position that is not reached in time gives False; one that is reached already takes no time."""
    position = Position(1)
    watch = PositionWatch("position", position, None)
    assert await watch.wait_for(1, 0)
    assert not await watch.wait_for(2, 0)
    assert not await watch.wait_for(2, 0.01)


async def test_a_failure_reaches_every_waiter_and_no_one_after() -> None:
    """What a look raises is raised to all who share it; the next waiter looks again."""

    class Failing(Position):
        async def __call__(self) -> int:
            if await super().__call__() == 0:
                raise LookupError("of the look")
            return self.value

    position = Failing()
    watch = PositionWatch("position", position, None)
    results = await asyncio.gather(*(watch.wait_for(1, LONG_S) for _ in range(5)), return_exceptions=True)
    assert [str(result) for result in results] == ["of the look"] * 5
    position.value = 1
    assert await watch.wait_for(1, 0)


@pytest.mark.parametrize("looking", [True, False], ids=["looking", "waiting"])
async def test_a_waiter_that_leaves_takes_no_other_along(*, looking: bool) -> None:
    """A waiter that is cancelled ends neither the look that the others share nor their wait for the next."""
    position = Position()
    if looking:
        position.opened.clear()
    watch = PositionWatch("position", position, None)
    leaver, stayer = (asyncio.create_task(watch.wait_for(1, LONG_S)) for _ in range(2))
    await position.looked.wait()
    for _ in range(10):  # whatever can happen before the next poll has happened
        await asyncio.sleep(0)
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    position.value = 1
    position.opened.set()
    assert await stayer
