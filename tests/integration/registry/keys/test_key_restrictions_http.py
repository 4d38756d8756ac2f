"""What a key is restricted to: networks, rate limits, permissions that start at none, and how many keys."""

from __future__ import annotations

import asyncio

from tests.support.registry.serving import OPERATOR, REVIEWER, Answered, Registry, instance, owner

SENSITIVE = ("clinical", "financial", "system")
HARMLESS = ("appointment", "contact", "files", "patient")


async def create(registry: Registry, account_id: str, **fields: object) -> Answered:
    """Ask for a key."""
    path = f"/v1/accounts/{account_id}/keys"
    return await registry.ask(owner(account_id), "POST", path, {"name": "Recalls", **fields})


async def edit(registry: Registry, key: dict[str, str], **fields: object) -> Answered:
    """Ask for a change of a key."""
    path = f"/v1/accounts/{key['account_id']}/keys/{key['key_id']}"
    return await registry.ask(owner(key["account_id"]), "PATCH", path, fields)


async def test_networks(registry: Registry) -> None:
    """Networks of both families are kept in canonical form, in their order, each once; null lifts them."""
    account_id = await registry.account()
    given = ["203.0.113.0/24", "2001:DB8:0::/32", "198.51.100.7", "2001:db8::/32", "0.0.0.0/0"]
    kept = ["203.0.113.0/24", "2001:db8::/32", "198.51.100.7/32", "0.0.0.0/0"]
    made = await create(registry, account_id, networks=given)
    assert (made.status, made.body["key"]["networks"]) == (201, kept)
    key = made.body["key"]
    assert (await edit(registry, key, name="Renamed")).body["networks"] == kept
    changed = await edit(registry, key, networks=["2001:db8::7/128"])
    assert (changed.body["networks"], changed.body["version"]) == (["2001:db8::7/128"], 3)
    same = await edit(registry, key, networks=["2001:DB8::7"])
    assert same.body["version"] == 3
    lifted = await edit(registry, key, networks=None)
    assert (lifted.body["networks"], lifted.body["version"]) == (None, 4)


BAD_NETWORKS = [
    ("198.51.100.7/24", "the network is 198.51.100.0/24"),
    ("2001:db8:7::1/48", "the network is 2001:db8:7::/48"),
    ("10.0.0.0/33", ""),
    ("10.0.0.0/255.0.0.0.0", ""),
    ("10.0.0.256", ""),
    ("example.com", ""),
    ("", ""),
    (" 10.0.0.0/8", ""),
    ("fe80::%eth0/64", ""),
    ("::ffff:203.0.113.0/120", ""),
]


async def test_bad_networks(registry: Registry) -> None:
    """What is no network is refused at its place; one with bits beyond its prefix, with the right network."""
    account_id = await registry.account()
    key = (await create(registry, account_id)).body["key"]
    for network, right in BAD_NETWORKS:
        networks = ["192.0.2.0/24", network]
        for refused in (
            await create(registry, account_id, networks=networks),
            await edit(registry, key, networks=networks),
        ):
            assert (refused.status, refused.pointers) == (422, ["/networks/1"]), network
            assert right in refused.body["errors"][0]["detail"]
    for none in ([], ["192.0.2.0/24"] * 51, "192.0.2.0/24"):
        assert (await create(registry, account_id, networks=none)).pointers == ["/networks"]
    assert (await registry.ledger.head()).position == 2


async def test_rate_limits(registry: Registry) -> None:
    """A limit is kept with its burst, an edit of the same changes nothing, and null lifts it."""
    account_id = await registry.account()
    made = await create(registry, account_id, rate_limit={"requests": 100, "per_s": 60})
    kept = {"requests": 100, "per_s": 60, "burst": 100}
    assert (made.status, made.body["key"]["rate_limit"]) == (201, kept)
    key = made.body["key"]
    assert (await edit(registry, key, name="Renamed")).body["rate_limit"] == kept
    same = await edit(registry, key, rate_limit={"requests": 100, "per_s": 60, "burst": None})
    assert (same.body["rate_limit"], same.body["version"]) == (kept, 2)
    wider = {"requests": 100, "per_s": 60, "burst": 200}
    changed = await edit(registry, key, rate_limit=wider)
    assert (changed.body["rate_limit"], changed.body["version"]) == (wider, 3)
    path = f"/v1/accounts/{account_id}/keys/{key['key_id']}"
    shown = await registry.ask(owner(account_id), "GET", path)
    assert shown.body["rate_limit"] == wider
    lifted = await edit(registry, key, rate_limit=None)
    assert (lifted.body["rate_limit"], lifted.body["version"]) == (None, 4)
    assert (await create(registry, account_id)).body["key"]["rate_limit"] is None


async def test_without_permissions(registry: Registry) -> None:
    """A key that is granted nothing has nothing, and there is nothing to warn of."""
    account_id = await registry.account()
    nothing: tuple[dict[str, object], ...] = ({}, {"permissions": {}})
    for fields in nothing:
        made = await create(registry, account_id, **fields)
        assert (made.status, made.body["warnings"]) == (201, [])
        assert set(made.body["key"]["permissions"].values()) == {"none"}
        assert len(made.body["key"]["permissions"]) == 7


async def test_warnings(registry: Registry) -> None:
    """To grant write to what can do most harm is warned of, each at its place, and done; an edit alike."""
    account_id = await registry.account()
    every = dict.fromkeys((*SENSITIVE, *HARMLESS), "write")
    made = await create(registry, account_id, permissions=every)
    pointers = [f"/permissions/{category}" for category in SENSITIVE]
    assert (made.status, [each["pointer"] for each in made.body["warnings"]]) == (201, pointers)
    assert all(each["detail"] for each in made.body["warnings"])
    key = made.body["key"]
    assert set(key["permissions"].values()) == {"write"}
    reading = await edit(registry, key, permissions=dict.fromkeys(SENSITIVE, "read"))
    assert (reading.status, reading.body["warnings"]) == (200, [])
    writing = await edit(registry, key, permissions={"financial": "write", "patient": "write"})
    assert [each["pointer"] for each in writing.body["warnings"]] == ["/permissions/financial"]
    assert (await edit(registry, key, name="Renamed")).body["warnings"] == []


async def test_a_secret_in_a_text(registry: Registry) -> None:
    """What is said of a key, a vendor or an account may name a key by its hint, and not hold its secret."""
    account_id, vendor_id = await registry.account(), await registry.applied_vendor()
    made = (await create(registry, account_id)).body
    key, secret = made["key"], made["secret"]
    reviews = f"/v1/vendors/{vendor_id}/reviews"
    review = {"kind": "security", "verdict": "pass", "notes": f"tried with {secret}"}
    account = {"name": f"Practice {secret}"}
    for refused, pointer in (
        (await create(registry, account_id, name=secret), "/name"),
        (await edit(registry, key, name=f"was {secret[:30]}"), "/name"),
        (await registry.ask(REVIEWER, "POST", reviews, review), "/notes"),
        (await registry.ask(OPERATOR, "POST", "/v1/accounts", account), "/name"),
    ):
        assert (refused.status, refused.pointers) == (422, [pointer])
        assert secret[:30] not in str(refused.body)
    assert (await edit(registry, key, name=f"was {key['secret_hint']}")).status == 200


async def test_revoked(registry: Registry) -> None:
    """No edit is made of a revoked key, not even an empty one."""
    key = (await create(registry, await registry.account())).body["key"]
    path = f"/v1/accounts/{key['account_id']}/keys/{key['key_id']}"
    await registry.ask(owner(key["account_id"]), "DELETE", path)
    changes: list[dict[str, object]] = [
        {"name": "Alive"},
        {"permissions": {"patient": "read"}},
        {"networks": None},
        {"rate_limit": None},
        {"vendor_ids": None},
        {"expires_at": "2100-01-01T00:00:00Z"},
        {},
    ]
    for fields in changes:
        refused = await edit(registry, key, **fields)
        assert (refused.status, refused.slug) == (409, "key-revoked"), fields
    assert (await registry.ledger.head()).position == 3


async def test_a_hundred_live_keys(database: str) -> None:
    """Of a race for the last of a hundred keys exactly the hundred are made, in however many processes."""
    async with (
        instance(database, account_keys_max=100) as one,
        instance(database, account_keys_max=100) as two,
    ):
        account_id = await one.account()
        asked = [create(each, account_id) for each in (one, two) * 60]
        answers = await asyncio.gather(*asked)
        made = [each.body["key"] for each in answers if each.status == 201]
        refused = [each for each in answers if each.status != 201]
        assert (len(made), len(refused)) == (100, 20)
        assert {(each.status, each.slug) for each in refused} == {(409, "too-many-keys")}
        assert "100" in refused[0].body["detail"]
        everything = {"key_ids": [each["key_id"] for each in made[:2]]}
        await one.ask(owner(account_id), "POST", f"/v1/accounts/{account_id}/keys/revoke", everything)
        again = await asyncio.gather(*(create(each, account_id) for each in (one, two) * 2))
        assert sorted(each.status for each in again) == [201, 201, 409, 409]
        assert (await create(one, await one.account())).status == 201
