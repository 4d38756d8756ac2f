"""How a gatekeeper loads the state, and what readiness says meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from keyfold.domain.access.decision import Reason
from keyfold.domain.lifecycle.state import State
from keyfold.domain.lifecycle.subscriber_key import SubscriberKeyCreated
from keyfold.domain.lifecycle.vendor_key import VendorKeyIssued
from keyfold.store.postgres.connection import open_pool
from keyfold.store.read_model.snapshots import LoadProgress, Snapshots
from tests.support.eventually import eventually
from tests.support.gatekeeper.practice import BOTH, practice
from tests.support.gatekeeper.world import Gatekeeper, World
from tests.support.ledger_builder import story
from tests.support.state_secret import STATE_SECRET
from tests.support.store.granting import grant_by_sql

KEY_MADE = (SubscriberKeyCreated, VendorKeyIssued)


@asynccontextmanager
async def hold_vendors(dsn: str) -> AsyncIterator[None]:
    """Lock the vendors, which are read after the keys are counted and before they are loaded."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute("lock table projection.vendors in access exclusive mode")
            yield
    finally:
        await connection.close()


async def lack(gatekeeper: Gatekeeper) -> object:
    """Return what readiness says that the state lacks."""
    _, answer = await gatekeeper.get("/readyz")
    reasons = answer["reasons"]
    assert isinstance(reasons, dict)
    return reasons.get("state")


async def test_readiness_says_how_far_the_load_is(world: World) -> None:
    """While the state loads, readiness says how many of the keys are loaded, and every allow is `stale`."""
    await world.append(*practice())
    await world.project()
    of_keys = sum(isinstance(event, KEY_MADE) for event in practice())
    async with hold_vendors(world.dsn), world.gatekeeper(is_ready=False) as gatekeeper:

        async def says_so() -> bool:
            return await lack(gatekeeper) == f"the state is not loaded yet: 0 of {of_keys} keys"

        await eventually(says_so)
        assert (await gatekeeper.ask("GET", "/v1/patient", BOTH)).reason == Reason.STALE


async def test_progress_is_told(world: World) -> None:
    """A snapshot reports first how many keys there are, then after each batch how many are loaded."""
    await world.append(*practice())
    await world.project()
    told: list[LoadProgress] = []
    async with open_pool(world.dsn, application_name="test") as pool:
        snapshot = await Snapshots(pool, STATE_SECRET).snapshot(told.append)
    of_keys = len(snapshot.state.keys)
    assert told == [LoadProgress(keys=0, of_keys=of_keys), LoadProgress(keys=of_keys, of_keys=of_keys)]


async def test_what_is_loaded_is_what_was_recorded(world: World) -> None:
    """The packed state of the read model is the state that the events fold into."""
    await world.append(*story())
    await world.project()
    async with open_pool(world.dsn, application_name="test") as pool:
        loaded = (await Snapshots(pool, STATE_SECRET).snapshot()).state
    folded = State()
    for event in story():
        folded.fold(event)
    assert loaded == folded


async def test_what_was_granted_by_sql_is_not_allowed(world: World) -> None:
    """A gatekeeper that loads an edited read model allows nothing, says so and stays up; once the read
    model has been built anew it answers by itself.
    """
    await world.append(*practice())
    await world.project()
    await grant_by_sql(world.dsn)
    async with world.gatekeeper(is_ready=False) as gatekeeper:

        async def says_so() -> bool:
            return str(await lack(gatekeeper)).startswith("the read model was altered: keys has other rows")

        await eventually(says_so)
        for method in ("GET", "DELETE"):
            assert (await gatekeeper.ask(method, "/v1/patient", BOTH)).reason == Reason.STALE
        assert "keyfold_gatekeeper_read_model_altered 1.0" in await gatekeeper.metrics()
        await world.project()

        async def allows() -> bool:
            return (await gatekeeper.ask("GET", "/v1/patient", BOTH)).status == 200

        await eventually(allows)
        assert (await gatekeeper.ask("DELETE", "/v1/clinical", BOTH)).status == 403
        assert "keyfold_gatekeeper_read_model_altered 0.0" in await gatekeeper.metrics()
        errors = [line for line in gatekeeper.log() if line["level"] == "error"]
    assert [each["event"] for each in errors] == ["read_model_altered"]
    assert "`keyfold replay`" in str(errors[0]["difference"])
