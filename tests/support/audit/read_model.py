"""A read model with names, replaced as a whole, as a replay does."""

from __future__ import annotations

from msgspec.structs import replace

from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.lifecycle.fold import LifecycleEvent
from keyfold.store.postgres.connection import open_pool
from keyfold.store.read_model.generations import NEXT, open_generations
from keyfold.store.read_model.writer import ReadModelWriter, Step
from tests.support.ledger_builder import LedgerBuilder
from tests.support.lifecycle_events import key_created, vendor_applied
from tests.support.state_secret import STATE_SECRET


def vendor(vendor_id: str, name: str) -> LifecycleEvent:
    """Return the event that made a vendor."""
    return replace(vendor_applied(1), vendor_id=VendorId(vendor_id), name=name)


def key(account_id: str, key_id: str, name: str) -> LifecycleEvent:
    """Return the event that made a subscriber key."""
    return replace(key_created(1), account_id=AccountId(account_id), key_id=KeyId(key_id), name=name)


async def serve(dsn: str, *events: LifecycleEvent) -> None:
    """Build a generation from these events, and let it serve instead of the one before."""
    ledger = LedgerBuilder(events)
    step = Step(events=ledger.recorded(), head=ledger.head, next_offset=len(events))
    async with open_generations(dsn, STATE_SECRET) as generations:
        await generations.begin()
        async with open_pool(dsn, application_name="test") as pool:
            await ReadModelWriter(pool, STATE_SECRET, schema=NEXT, remembers=True).save(step)
        async with generations.standstill():
            await generations.swap()
        await generations.drop_old()
