"""Tenants are called in turn, however much each of them asks for."""

import asyncio

import pytest

from keyfold.runtime.http import Refused
from keyfold.runtime.sharing.turns import Turns


class Work:
    """Pieces of work that are in hand until the test lets them go, in the order in which they began."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._ends: list[asyncio.Event] = []
        self.began: list[str] = []

    async def do(self, tenant: str) -> None:
        """Wait for the turn, and then to be let go."""
        async with self._turns.take(tenant):
            end = asyncio.Event()
            self.began.append(tenant)
            self._ends.append(end)
            await end.wait()

    async def let_go(self, number: int) -> None:
        """End the piece that began as this one, and see who is called."""
        self._ends[number].set()
        await settle()


async def settle() -> None:
    """Let everything that can go on go on."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_tenant_with_much_delays_others_by_one() -> None:
    """Of many requests of one tenant half of the places run; another one's is called next."""
    work = Work(Turns("queries", 2))
    async with asyncio.TaskGroup() as tasks:
        for tenant in ("hog", "hog", "hog", "one", "two", "one"):
            tasks.create_task(work.do(tenant))
        await settle()
        assert work.began == ["hog", "one"]
        await work.let_go(0)
        assert work.began == ["hog", "one", "two"]
        await work.let_go(1)
        assert work.began[3:] == ["hog"]
        await work.let_go(2)
        assert work.began[4:] == ["one"]
        await work.let_go(3)
        await work.let_go(4)
        assert work.began[5:] == ["hog"]
        await work.let_go(5)


async def test_long_work_gives_way_in_between() -> None:
    """What gives way lets another tenant's work run to its end first, and not its own tenant's."""
    turns, order = Turns("batches", 1), list[str]()

    async def work(tenant: str, *, is_long: bool = False) -> None:
        async with turns.take(tenant) as turn:
            order.append(tenant)
            while is_long and len(order) < 2:
                await asyncio.sleep(0)
                await turn.give_way()
            order.append(f"{tenant} ends")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work("hog", is_long=True))
        tasks.create_task(work("hog"))
        tasks.create_task(work("other"))
    assert order[:3] == ["hog", "other", "other ends"]
    assert sorted(order[3:]) == ["hog", "hog ends", "hog ends"]


async def test_what_one_tenant_has_waiting_is_bounded() -> None:
    """One request too many of a tenant is told so at once; another tenant's waits, but not for ever."""
    turns = Turns("queries", 1, waiting_max=1, wait_max_s=0.05)
    async with turns.take("hog"):
        with pytest.raises(Refused) as late:
            async with asyncio.timeout(5), turns.take("hog"):
                raise AssertionError("it is not its turn")
        waiting = asyncio.create_task(Work(turns).do("hog"))
        await settle()
        with pytest.raises(Refused) as crowded:
            async with turns.take("hog"):
                raise AssertionError("too many wait")
        waiting.cancel()
        await asyncio.wait([waiting])
    assert (late.value.problem.status, crowded.value.problem.status) == (503, 429)
    async with turns.take("other"):
        pass


async def test_whoever_leaves_gives_the_place_back() -> None:
    """A wait that is cancelled, before or in the moment of the call, keeps nobody out."""
    turns = Turns("queries", 1)
    for ticks in range(4):
        async with turns.take("first"):
            leaving = asyncio.create_task(Work(turns).do("leaving"))
            await settle()
        for _ in range(ticks):
            await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
    async with asyncio.timeout(5), turns.take("next"):
        pass
