"""Which keys and vendors there are, page by page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from keyfold.domain.lifecycle.keys import KeyState
from keyfold.domain.lifecycle.vendor import VendorState
from keyfold.store.read_model.reader import ReadModel
from tests.support.ledger_builder import (
    START,
    LedgerBuilder,
    account_created,
    account_id,
    key_created,
    key_id,
    key_revoked,
    story,
    vendor_id,
)
from tests.support.projection.running import running
from tests.support.projection.scene import Scene


async def fill(scene: Scene, ledger: LedgerBuilder) -> ReadModel:
    """Return a read model that serves all of a ledger."""
    await scene.publish(ledger.records())
    async with running(scene.following()):
        await scene.wait_for(ledger.head.position)
    return scene.read_model


async def test_a_key_is_listed_in_the_state_it_has_now(scene: Scene) -> None:
    """A key expires by the clock alone: at `expires_at` it moves from the active ones to the expired ones."""
    expires_at = START + timedelta(hours=1)
    ledger = LedgerBuilder(
        [
            account_created(1),
            key_created(1),
            key_created(2, expires_at=expires_at),
            key_created(3, expires_at=expires_at),
            key_revoked(3),
        ]
    )
    read_model = await fill(scene, ledger)

    async def listed(state: KeyState | None, since_expiry: timedelta) -> list[str]:
        page = await read_model.list_keys(account_id(1), state=state, now=expires_at + since_expiry, limit=10)
        return [each.id for each in page]

    before, at = timedelta(microseconds=-1), timedelta(0)
    assert await listed(KeyState.ACTIVE, before) == [key_id(2), key_id(1)]
    assert await listed(KeyState.EXPIRED, before) == []
    assert await listed(KeyState.ACTIVE, at) == [key_id(1)]
    assert await listed(KeyState.EXPIRED, at) == [key_id(2)]
    assert await listed(KeyState.REVOKED, at) == [key_id(3)]
    assert await listed(None, at) == [key_id(3), key_id(2), key_id(1)]


async def test_pages_follow_each_other(scene: Scene) -> None:
    """Successive pages show every key of the account once, newest first."""
    keys = [key_created(number, account=1 + number % 2) for number in range(1, 22)]
    read_model = await fill(scene, LedgerBuilder([account_created(1), account_created(2), *keys]))
    listed, before = [], None
    while page := await read_model.list_keys(account_id(2), now=START, before=before, limit=4):
        listed += [each.id for each in page]
        before = page[-1].created_position
    assert listed == [key_id(number) for number in range(21, 0, -2)]


async def test_a_page_is_bounded(scene: Scene) -> None:
    """A page of no rows, or of more than a thousand, is a bug of the caller."""
    for limit in (0, 1001):
        with pytest.raises(ValueError, match="a page has 1 to 1000 rows"):
            await scene.read_model.list_vendors(limit=limit)


async def test_vendors_by_state_and_applicant(scene: Scene) -> None:
    """Vendors are listed newest first, all of them or those of one state or one applicant."""
    read_model = await fill(scene, LedgerBuilder(story()))
    everyone = await read_model.list_vendors(limit=10)
    suspended = await read_model.list_vendors(state=VendorState.SUSPENDED, limit=10)
    own = await read_model.list_vendors(applicant="victor-3", limit=10)
    assert [each.id for each in everyone] == [vendor_id(3), vendor_id(2), vendor_id(1)]
    assert [each.id for each in suspended] == [vendor_id(2)]
    assert [each.id for each in own] == [vendor_id(3)]


async def test_vendor_keys_are_not_subscriber_keys(scene: Scene) -> None:
    """A vendor's list has only its own keys."""
    read_model = await fill(scene, LedgerBuilder(story()))
    page = await read_model.list_vendor_keys(vendor_id(2), limit=10)
    assert [each.id for each in page] == [key_id(102)]
