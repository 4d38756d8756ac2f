"""Prefer: wait: the answer comes when the command is in force everywhere, or says that it is not yet."""

from __future__ import annotations

import asyncio

import pytest

from keyfold.store.postgres.connection import open_pool
from keyfold.store.postgres.errors import DatabaseAway
from tests.support.eventually import WITHIN_S
from tests.support.registry.serving import OPERATOR, Registry, folding, instance


class Gatekeepers:
    """Gatekeepers that reach a position when a test says so."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[tuple[int, float]] = asyncio.Queue()
        self.reached_it = asyncio.Event()
        self.are_away = False

    async def wait_for(self, position: int, timeout_s: float) -> bool:
        """Return when they have, or when time is up."""
        self.asked.put_nowait((position, timeout_s))
        if self.are_away:
            raise DatabaseAway("gone")
        try:
            async with asyncio.timeout(timeout_s):
                return await self.reached_it.wait()
        except TimeoutError:
            return False


async def test_enforced(database: str) -> None:
    """The answer waits for the read model and for every gatekeeper, and says that it did."""
    gatekeepers = Gatekeepers()
    async with (
        open_pool(database, application_name="fold") as pool,
        folding(database, pool),
        instance(database, enforcement=gatekeepers) as registry,
    ):
        body = {"name": "Practice"}
        asked = asyncio.create_task(registry.ask(OPERATOR, "POST", "/v1/accounts", body, Prefer="wait=10"))
        assert await asyncio.wait_for(gatekeepers.asked.get(), WITHIN_S) == (1, 10)
        assert not asked.done()
        gatekeepers.reached_it.set()
        answered = await asked
    assert (answered.status, answered.body["enforced"]) == (201, True)
    assert answered.headers["Preference-Applied"] == "wait=10"
    assert answered.body["name"] == "Practice"


async def test_out_of_time(database: str) -> None:
    """When time is up, the command has happened all the same, and the answer says that it is not enforced."""
    async with (
        open_pool(database, application_name="fold") as pool,
        folding(database, pool),
        instance(database, enforcement=Gatekeepers()) as registry,
    ):
        answered = await registry.ask(OPERATOR, "POST", "/v1/accounts", {"name": "x"}, Prefer="wait=0")
        assert (answered.status, answered.body["enforced"]) == (201, False)
        assert (await registry.ledger.head()).position == 1


async def test_nobody_can_tell(database: str) -> None:
    """Where nobody can tell, the answer is that of the command, not enforced: it must not look undone."""
    gatekeepers = Gatekeepers()
    gatekeepers.are_away = True
    async with instance(database, enforcement=gatekeepers) as registry:  # and there is no read model
        answered = await registry.ask(OPERATOR, "POST", "/v1/accounts", {"name": "x"}, Prefer="wait=5")
    assert (answered.status, answered.body["enforced"]) == (201, False)


async def test_not_projected(database: str) -> None:
    """What the gatekeepers know and the read model does not is not in force everywhere."""
    gatekeepers = Gatekeepers()
    gatekeepers.reached_it.set()
    async with instance(database, enforcement=gatekeepers) as registry:  # and nothing is projected
        answered = await registry.ask(OPERATOR, "POST", "/v1/accounts", {"name": "x"}, Prefer="wait=5")
    assert (answered.status, answered.body["enforced"]) == (201, False)


async def test_without_gatekeepers(registry: Registry) -> None:
    """With no gatekeeper in the way, what is projected is enforced."""
    answered = await registry.ask(OPERATOR, "POST", "/v1/accounts", {"name": "x"}, Prefer="wait=20")
    assert (answered.status, answered.body["enforced"]) == (201, True)


@pytest.mark.parametrize("prefer", ["", "respond-async", "wait=soon"])
async def test_no_preference(registry: Registry, prefer: str) -> None:
    """Whoever does not ask to wait, or asks for what cannot be read, is not told of it."""
    answered = await registry.ask(OPERATOR, "POST", "/v1/accounts", {"name": "x"}, Prefer=prefer)
    assert answered.status == 201
    assert "enforced" not in answered.body
    assert "Preference-Applied" not in answered.headers


async def test_replayed(registry: Registry) -> None:
    """An answer that is given again is waited for as its caller asks this time."""
    plain = await registry.ask(OPERATOR, "POST", "/v1/accounts", {"name": "x"}, Idempotency_Key="k")
    waited = await registry.ask(
        OPERATOR, "POST", "/v1/accounts", {"name": "x"}, Idempotency_Key="k", Prefer="wait=20"
    )
    assert waited.body == {**plain.body, "enforced": True}
    assert waited.headers["Idempotency-Replayed"] == "true"
    again = await registry.ask(OPERATOR, "POST", "/v1/accounts", {"name": "x"}, Idempotency_Key="k")
    assert again.body == plain.body
