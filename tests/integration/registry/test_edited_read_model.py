"""What the registry shows comes from the ledger's events, whatever somebody wrote into the read model."""

from __future__ import annotations

from typing import Any

from tests.support.database import execute
from tests.support.registry.serving import REVIEWER, Registry, owner, serving
from tests.support.store.granting import grant_by_sql

PATHS = ("", "/unused-permissions")


async def shown(registry: Registry, account_id: str, path: str) -> Any:
    """Return what the owner of an account is shown."""
    return (await registry.ask(owner(account_id), "GET", f"/v1/accounts/{account_id}{path}")).body


async def test_an_edited_key_is_shown_as_it_was_granted(database: str) -> None:
    """Neither a key alone, nor lists, nor unused permissions show what was not granted; another
    account's list does not show a key that was moved there, and a vendor stands where it was brought.
    """
    async with serving(database) as registry:
        account_id, other_id = await registry.account(), await registry.account()
        key = await registry.key(account_id, permissions={"patient": "read"})
        vendor_id = await registry.applied_vendor()
        before = [await shown(registry, account_id, f"/keys/{key['key_id']}{each}") for each in PATHS]
        assert (await shown(registry, account_id, "/keys"))["items"] == [before[0]]
        await grant_by_sql(database)
        await execute(
            database,
            "update projection.keys set name = 'Else', expires_at = now(), version = 9",
            "update projection.accounts set integrations_enabled = true, version = 9",
            "update projection.vendors set state = 'approved', name = 'Else'",
        )
        assert [await shown(registry, account_id, f"/keys/{key['key_id']}{each}") for each in PATHS] == before
        assert (await shown(registry, account_id, ""))["integrations_enabled"] is False
        assert (await shown(registry, account_id, "/keys"))["items"] == [before[0]]
        await execute(database, f"update projection.keys set account_id = '{other_id}'")
        assert (await shown(registry, other_id, "/keys"))["items"] == []
        vendor = (await registry.ask(REVIEWER, "GET", f"/v1/vendors/{vendor_id}")).body
        assert (vendor["state"], vendor["name"]) == ("applied", "Recall Robots")
        assert (await registry.ask(REVIEWER, "GET", "/v1/vendors")).body["items"] == [vendor]
        assert (await registry.ask(owner(account_id), "GET", "/v1/vendors")).body["items"] == []
