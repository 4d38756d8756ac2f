"""Whoever waits for a position hears of it, however many they are and however seldom anybody looks."""

from __future__ import annotations

import asyncio

import pytest

from keyfold.store.postgres.position_watch import PositionWatch

LONG_S = 30


class Position:
    """A position that counts how often it was looked at, and can keep a look from ending."""

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
    """A thousand who begin to wait together look once, and once more when it is time to look again."""
    position = Position()
    watch = PositionWatch("position", position, None)
    waits = [asyncio.create_task(watch.reached(1, LONG_S)) for _ in range(1000)]
    await position.looked.wait()
    position.value = 1
    assert all(await asyncio.gather(*waits))
    assert position.looks == 2


async def test_a_look_that_began_before_is_not_shared() -> None:
    """Whoever comes while somebody looks is answered from a look that begins after."""
    position = Position()
    position.opened.clear()
    watch = PositionWatch("position", position, None)
    early = asyncio.create_task(watch.reached(1, 0))
    await position.looked.wait()
    position.value = 1
    late = [asyncio.create_task(watch.reached(1, 0)) for _ in range(10)]
    await asyncio.sleep(0)
    position.opened.set()
    assert not await early
    assert all(await asyncio.gather(*late))
    assert position.looks == 2


async def test_time_is_up() -> None:
    """A position that does not come in time is not reached; one that is there needs no time."""
    position = Position(1)
    watch = PositionWatch("position", position, None)
    assert await watch.reached(1, 0)
    assert not await watch.reached(2, 0)
    assert not await watch.reached(2, 0.01)


async def test_a_failure_reaches_every_waiter_and_no_one_after() -> None:
    """What a look raises is raised to all who share it; the next waiter looks afresh."""

    class Failing(Position):
        async def __call__(self) -> int:
            if await super().__call__() == 0:
                raise LookupError("of the look")
            return self.value

    position = Failing()
    watch = PositionWatch("position", position, None)
    results = await asyncio.gather(*(watch.reached(1, LONG_S) for _ in range(5)), return_exceptions=True)
    assert [str(result) for result in results] == ["of the look"] * 5
    position.value = 1
    assert await watch.reached(1, 0)


@pytest.mark.parametrize("looking", [True, False], ids=["looking", "waiting"])
async def test_a_waiter_that_leaves_takes_no_other_along(*, looking: bool) -> None:
    """One that is cancelled leaves the others to the look that they share, and to the wait for the next."""
    position = Position()
    if looking:
        position.opened.clear()
    watch = PositionWatch("position", position, None)
    leaver, stayer = (asyncio.create_task(watch.reached(1, LONG_S)) for _ in range(2))
    await position.looked.wait()
    for _ in range(10):  # whatever can happen before the next poll has happened
        await asyncio.sleep(0)
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    position.value = 1
    position.opened.set()
    assert await stayer
