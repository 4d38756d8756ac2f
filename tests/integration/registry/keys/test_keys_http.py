"""Subscriber keys: made with a secret seen once, edited field by field, revoked for ever."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from keyfold.domain.access.key_proof import MALFORMED
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.postgres.connection import open_connection
from keyfold.wire.keys.format import KeyKind, read_key
from tests.support.database import execute
from tests.support.eventually import eventually
from tests.support.registry.serving import OPERATOR, REVIEWER, Registry, instance, owner

ROTATION = {"overlap_s": 0}
NO_ACCESS = dict.fromkeys(
    ("appointment", "clinical", "contact", "files", "financial", "patient", "system"), "none"
)


async def test_create_and_read(registry: Registry) -> None:
    """A key's answer holds all seven permissions and the secret, which no later answer holds."""
    account_id = await registry.account()
    path = f"/v1/accounts/{account_id}/keys"
    body = {"name": "Recalls", "permissions": {"appointment": "write", "patient": "read"}}
    made = await registry.ask(owner(account_id), "POST", path, body)
    assert (made.status, made.headers["ETag"]) == (201, '"1"')
    key, secret = made.body["key"], made.body["secret"]
    assert read_key(KeyKind.SUBSCRIBER, secret) is not MALFORMED
    assert key["permissions"] == {**NO_ACCESS, "appointment": "write", "patient": "read"}
    assert (key["state"], key["vendor_ids"], key["expires_at"]) == ("active", None, None)
    assert (key["revoked_at"], key["last_used_at"], key["version"]) == (None, None, 1)
    assert datetime.fromisoformat(key["created_at"]).tzinfo is not None
    assert secret.endswith(key["secret_hint"][-4:])

    read = await registry.ask(owner(account_id), "GET", f"{path}/{key['key_id']}")
    assert (read.status, read.body, read.headers["ETag"]) == (200, key, '"1"')
    rows = await registry.ledger.rows_after(0, 10)
    assert not any(secret in row.data for row, *_ in rows)


async def test_edit(registry: Registry) -> None:
    """An edit changes what it names, within permissions too, and leaves the rest."""
    account_id = await registry.account()
    key = await registry.key(account_id, permissions={"appointment": "write", "patient": "read"})
    path = f"/v1/accounts/{account_id}/keys/{key['key_id']}"
    expires_at = (SYSTEM_CLOCK.now() + timedelta(days=1)).isoformat()
    changes = {"name": "Renamed", "permissions": {"patient": "none"}, "expires_at": expires_at}
    edited = await registry.ask(owner(account_id), "PATCH", path, changes)
    assert (edited.status, edited.headers["ETag"]) == (200, '"4"')
    assert edited.body["name"] == "Renamed"
    assert edited.body["permissions"] == {**NO_ACCESS, "appointment": "write"}
    assert datetime.fromisoformat(edited.body["expires_at"]) == datetime.fromisoformat(expires_at)
    shown = (await registry.ask(owner(account_id), "GET", path)).body
    assert {**shown, "warnings": []} == edited.body

    forever = await registry.ask(owner(account_id), "PATCH", path, {"expires_at": None})
    assert forever.body == {**edited.body, "expires_at": None, "version": 5}
    assert (await registry.ask(owner(account_id), "PATCH", path, {})).body == forever.body


async def test_revoke(registry: Registry) -> None:
    """A revoked key stays revoked: again changes nothing, and it cannot be edited."""
    account_id = await registry.account()
    key = await registry.key(account_id, permissions={"patient": "read"})
    path = f"/v1/accounts/{account_id}/keys/{key['key_id']}"
    first = await registry.ask(owner(account_id), "DELETE", path)
    assert (first.status, first.body["state"], first.body["version"]) == (200, "revoked", 2)
    assert first.body["permissions"] == NO_ACCESS
    again = await registry.ask(owner(account_id), "DELETE", path)
    assert (again.status, again.body) == (200, first.body)
    refused = await registry.ask(owner(account_id), "PATCH", path, {"name": "Alive"})
    assert (refused.status, refused.slug) == (409, "key-revoked")
    assert (await registry.ledger.head()).position == 3


async def test_last_use(registry: Registry, database: str) -> None:
    """Whatever changes a key answers with when it was last used, a repeated request too."""
    account_id = await registry.account()
    key = await registry.key(account_id)
    path = f"/v1/accounts/{account_id}/keys/{key['key_id']}"
    await execute(
        database, f"insert into access_log.last_used values ('{key['key_id']}', '2026-01-31 12:00Z')"
    )
    used_at = "2026-01-31T12:00:00.000000Z"
    await execute(
        database, f"insert into access_log.last_refused values ('{key['key_id']}', '2026-02-01 12:00Z')"
    )
    refused_at = "2026-02-01T12:00:00.000000Z"
    edited = await registry.ask(owner(account_id), "PATCH", path, {"name": "Renamed"})
    assert (edited.body["name"], edited.body["last_used_at"]) == ("Renamed", used_at)
    for _ in range(2):
        rotated = await registry.ask(
            owner(account_id), "POST", f"{path}/rotate", ROTATION, Idempotency_Key="again"
        )
        assert (rotated.body["key"]["version"], rotated.body["key"]["last_used_at"]) == (3, used_at)
    revoked = await registry.ask(owner(account_id), "DELETE", path)
    assert (revoked.body["state"], revoked.body["last_used_at"]) == ("revoked", used_at)
    for told in (edited.body, rotated.body["key"], revoked.body):
        assert told["last_refused_at"] == refused_at
    for target in (path, f"/v1/accounts/{account_id}/keys"):
        shown = (await registry.ask(owner(account_id), "GET", target)).body
        told = shown["items"][0] if "items" in shown else shown
        assert (told["state"], told["last_used_at"], told["last_refused_at"]) == (
            "revoked",
            used_at,
            refused_at,
        )


async def test_no_revocation_waits_for_the_last_use(registry: Registry, database: str) -> None:
    """A key is revoked before its last use is looked up, and stays so, with an answer, if that fails."""
    account_id = await registry.account()
    paths = [f"/v1/accounts/{account_id}/keys/{(await registry.key(account_id))['key_id']}" for _ in range(2)]

    async def revoked() -> bool:
        return (await registry.ledger.head()).position == 4

    async with open_connection(database, application_name="test") as connection, connection.transaction():
        await connection.execute("lock table access_log.last_used")
        asked = asyncio.create_task(registry.ask(owner(account_id), "DELETE", paths[0]))
        await eventually(revoked)
        assert not asked.done()
    assert (await asked).body["state"] == "revoked"

    await execute(database, "drop table access_log.last_used")
    answered = await registry.ask(owner(account_id), "DELETE", paths[1])
    assert (answered.status, answered.body["state"], answered.body["last_used_at"]) == (200, "revoked", None)


async def test_expiry_needs_no_event(registry: Registry) -> None:
    """A key is shown as expired from its instant on, and listed so."""
    account_id = await registry.account()
    soon = SYSTEM_CLOCK.now() + timedelta(seconds=1)
    key = await registry.key(account_id, expires_at=soon.isoformat())
    path = f"/v1/accounts/{account_id}/keys"
    assert key["state"] == "active"

    async def expired() -> bool:
        read = await registry.ask(owner(account_id), "GET", f"{path}/{key['key_id']}")
        return bool(read.body["state"] == "expired")

    await eventually(expired)
    listed = await registry.ask(owner(account_id), "GET", f"{path}?state=expired")
    assert [each["key_id"] for each in listed.body["items"]] == [key["key_id"]]
    assert (await registry.ask(owner(account_id), "GET", f"{path}?state=active")).body["items"] == []


async def test_lists(registry: Registry) -> None:
    """Keys come newest first, in pages, each key once, and by state."""
    account_id = await registry.account()
    made = [(await registry.key(account_id, name=f"key {number}"))["key_id"] for number in range(5)]
    path = f"/v1/accounts/{account_id}/keys"
    await registry.ask(owner(account_id), "DELETE", f"{path}/{made[1]}")
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        listed = await registry.ask(owner(account_id), "GET", f"{path}?limit=2{cursor}")
        seen += [each["key_id"] for each in listed.body["items"]]
        cursor = listed.body["next_cursor"] and f"&cursor={listed.body['next_cursor']}"
    assert seen == made[::-1]
    revoked = await registry.ask(owner(account_id), "GET", f"{path}?state=revoked")
    assert [each["key_id"] for each in revoked.body["items"]] == [made[1]]
    for query in ("state=gone", "limit=101", "cursor=nonsense", "colour=red"):
        assert (await registry.ask(owner(account_id), "GET", f"{path}?{query}")).status == 400


async def test_other_tenants_keys(registry: Registry) -> None:
    """A key of another account does not exist, under either account's path and whatever If-Match says."""
    account_id, other_id = await registry.account(), await registry.account()
    key = await registry.key(account_id)
    theirs = f"/v1/accounts/{account_id}/keys/{key['key_id']}"
    smuggled = f"/v1/accounts/{other_id}/keys/{key['key_id']}"
    for path in (theirs, smuggled):
        for method, body in (("GET", None), ("PATCH", {"name": "Mine"}), ("DELETE", None)):
            for tag in ('"1"', '"9"'):
                refused = await registry.ask(owner(other_id), method, path, body, If_Match=tag)
                assert (refused.status, refused.slug) == (404, "not-found")
    assert (await registry.ask(owner(other_id), "GET", f"/v1/accounts/{account_id}/keys")).status == 404
    assert (await registry.ask(OPERATOR, "GET", f"/v1/accounts/{account_id}/keys")).status == 403
    assert (await registry.ask(REVIEWER, "DELETE", theirs)).status == 403
    own = await registry.ask(owner(other_id), "GET", f"/v1/accounts/{other_id}/keys")
    assert own.body["items"] == []
    assert (await registry.ask(owner(account_id), "GET", theirs)).body == key


async def test_named_vendors(registry: Registry) -> None:
    """A key may name approved vendors only; those that are not are named in the refusal."""
    account_id = await registry.account()
    approved, applied = await registry.approved_vendor(), await registry.applied_vendor("Other", "otis")
    key = await registry.key(account_id, vendor_ids=[approved, approved])
    assert key["vendor_ids"] == [approved]

    body = {"name": "x", "permissions": {}, "vendor_ids": [approved, applied, "ven_none"]}
    refused = await registry.ask(owner(account_id), "POST", f"/v1/accounts/{account_id}/keys", body)
    assert (refused.status, refused.slug) == (422, "unknown-vendors")
    assert applied in refused.body["detail"]
    assert "ven_none" in refused.body["detail"]
    assert approved not in refused.body["detail"]

    no_id = "d4F6" * 10
    refused = await registry.ask(
        owner(account_id), "POST", f"/v1/accounts/{account_id}/keys", {**body, "vendor_ids": [no_id]}
    )
    assert refused.body["detail"] == "No approved vendors: (redacted)."

    path = f"/v1/accounts/{account_id}/keys/{key['key_id']}"
    assert (
        await registry.ask(owner(account_id), "PATCH", path, {"vendor_ids": [applied]})
    ).slug == "unknown-vendors"
    any_vendor = await registry.ask(owner(account_id), "PATCH", path, {"vendor_ids": None})
    assert any_vendor.body["vendor_ids"] is None


async def test_suspended_vendor_stays_named(registry: Registry) -> None:
    """A vendor that a key names already may stay when the list is edited while it is suspended."""
    account_id = await registry.account()
    first, second = await registry.approved_vendor("One"), await registry.approved_vendor("Two", "tove")
    key = await registry.key(account_id, vendor_ids=[first])
    await registry.ask(REVIEWER, "POST", f"/v1/vendors/{first}/suspend", {"reason": "leak"})
    path = f"/v1/accounts/{account_id}/keys/{key['key_id']}"
    edited = await registry.ask(owner(account_id), "PATCH", path, {"vendor_ids": [first, second]})
    assert (edited.status, edited.body["vendor_ids"]) == (200, [first, second])


LIMIT_POINTERS = ["/rate_limit/requests", "/rate_limit/per_s", "/rate_limit/burst"]


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"name": None}, ["/name"]),
        ({"permissions": None}, ["/permissions"]),
        ({"permissions": {"patient": "admin"}}, ["/permissions/patient"]),
        ({"permissions": {"everything": "read"}}, ["/permissions/everything"]),
        ({"vendor_ids": []}, ["/vendor_ids"]),
        ({"vendor_ids": ["x"] * 51}, ["/vendor_ids"]),
        ({"vendor_ids": "ven_1"}, ["/vendor_ids"]),
        ({"expires_at": "2030-01-01T00:00:00"}, ["/expires_at"]),
        ({"expires_at": "tomorrow"}, ["/expires_at"]),
        ({"expires_at": "1999999999"}, ["/expires_at"]),
        ({"expires_at": "2030-01-01 00:00Z"}, ["/expires_at"]),
        ({"expires_at": "9999-12-31T23:59:59.999999Z"}, ["/expires_at"]),
        ({"name": "a\u202eb"}, ["/name"]),
        ({"expires_at": 1893456000}, ["/expires_at"]),
        ({"expires_at": "9999-12-31T23:59:59-14:00"}, ["/expires_at"]),
        ({"networks": []}, ["/networks"]),
        ({"networks": ["10.0.0.5/8"]}, ["/networks/0"]),
        ({"rate_limit": "100/60"}, ["/rate_limit"]),
        ({"rate_limit": {"requests": 100}}, ["/rate_limit/per_s"]),
        ({"rate_limit": {"requests": 0, "per_s": 86_401, "burst": 0}}, LIMIT_POINTERS),
        ({"rate_limit": {"requests": 1_000_001, "per_s": 0, "burst": 1_000_001}}, LIMIT_POINTERS),
        ({"rate_limit": {"requests": "1", "per_s": 1.5, "burst": True}}, LIMIT_POINTERS),
        ({"rate_limit": {"requests": 1, "per_s": 1, "window": 1}}, ["/rate_limit/window"]),
        ({"mode": "test"}, ["/mode"]),
    ],
)
async def test_bad_fields(registry: Registry, fields: dict[str, object], pointers: list[str]) -> None:
    """A field that is not what it should be is refused at its place, at creation and in an edit alike."""
    account_id = await registry.account()
    key = await registry.key(account_id)
    path = f"/v1/accounts/{account_id}/keys"
    body = {"name": "x", "permissions": {}, **fields}
    made = await registry.ask(owner(account_id), "POST", path, body)
    assert (made.status, made.pointers) == (422, pointers)
    edited = await registry.ask(owner(account_id), "PATCH", f"{path}/{key['key_id']}", fields)
    assert (edited.status, edited.pointers) == (422, pointers)


async def test_expiry_in_the_past(registry: Registry) -> None:
    """An expiry that has passed is refused with the reason."""
    account_id = await registry.account()
    body = {"name": "x", "permissions": {}, "expires_at": "2001-01-01T00:00:00Z"}
    refused = await registry.ask(owner(account_id), "POST", f"/v1/accounts/{account_id}/keys", body)
    assert (refused.status, refused.slug) == (422, "expires-in-the-past")


async def test_bound_on_live_keys(database: str) -> None:
    """An account that has all the keys it may have is told so, until one of them is revoked."""
    async with instance(database, account_keys_max=2) as registry:
        account_id = await registry.account()
        first, _ = await registry.key(account_id), await registry.key(account_id)
        path = f"/v1/accounts/{account_id}/keys"
        for _ in range(2):
            refused = await registry.ask(owner(account_id), "POST", path, {"name": "x", "permissions": {}})
            assert (refused.status, refused.slug) == (409, "too-many-keys")
        await registry.ask(owner(account_id), "DELETE", f"{path}/{first['key_id']}")
        await registry.key(account_id)
