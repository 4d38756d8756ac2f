"""What an operator is told about enforcement: which gatekeepers, how far, since when."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyfold.store.enforcement.leases import Holder, Leases
from keyfold.store.postgres.connection import open_pool
from tests.support.registry.serving import OPERATOR, Registry, instance

ONE = Holder(id="one", host="host-1", lease_s=60)
PATH = "/v1/enforcement"


async def test_everything_is_in_force_where_nobody_is_in_the_way(registry: Registry) -> None:
    """Without a position it is the ledger's last one that is meant, and a later one is in force nowhere."""
    await registry.account()
    answer = await registry.ask(OPERATOR, "GET", PATH)
    assert answer.body == {"position": 1, "enforced": True, "gatekeepers": []}
    answer = await registry.ask(OPERATOR, "GET", f"{PATH}?position=2")
    assert answer.body == {"position": 2, "enforced": False, "gatekeepers": []}


async def test_who_is_in_the_way(database: str) -> None:
    """Each gatekeeper is told with how far it is and until when it may allow, whoever is in the way first."""
    async with open_pool(database, application_name="test") as pool, instance(database) as registry:
        leases = Leases(pool)
        for _ in range(2):
            await registry.account()
        await leases.renew(replace(ONE, id="two", lease_s=None), 2)
        await leases.renew(ONE, 1)
        answer = await registry.ask(OPERATOR, "GET", PATH)
        before = await registry.ask(OPERATOR, "GET", f"{PATH}?position=1")
    assert (answer.body["position"], answer.body["enforced"]) == (2, False)
    told = [
        (each["id"], each["host"], each["applied_position"], each["in_the_way"])
        for each in answer.body["gatekeepers"]
    ]
    assert told == [("one", "host-1", 1, True), ("two", "host-1", 2, False)]
    one, two = answer.body["gatekeepers"]
    assert one["lease_until"] > one["renewed_at"]
    assert two["lease_until"] is None
    assert (before.body["position"], before.body["enforced"]) == (1, True)


@pytest.mark.parametrize("query", ["position=-1", "position=x", "position=9223372036854775808", "since=1"])
async def test_what_is_no_position_is_refused(registry: Registry, query: str) -> None:
    """A position is a whole number that the ledger could reach."""
    assert (await registry.ask(OPERATOR, "GET", f"{PATH}?{query}")).status == 400
