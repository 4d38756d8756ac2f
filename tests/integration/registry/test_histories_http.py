"""History: who did what to an account, a key or a vendor, and each field before and after it."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any, Final

from keyfold.runtime.auth.caller import Caller, Role
from keyfold.wire.keys.format import digest_of
from tests.support.registry.serving import APPLICANT, OPERATOR, REVIEWER, Answered, Registry, owner, vendor

NOTES: Final = "between us: they reuse passwords"
OTHER_REVIEWER: Final = Caller(role=Role.REVIEWER, sub="rita")


async def history(registry: Registry, caller: Caller, path: str, query: str = "") -> list[dict[str, Any]]:
    """Return a page of a history, oldest first."""
    answered = await registry.ask(caller, "GET", f"{path}/history{query}")
    assert answered.status == 200, answered.body
    return list(answered.body["items"][::-1])


def changes(item: dict[str, Any]) -> dict[str, tuple[object, object]]:
    """Return what an event changed, field by field."""
    return {each["field"]: (each["before"], each["after"]) for each in item["changes"]}


async def storied_key(registry: Registry) -> tuple[str, dict[str, Any], list[str]]:
    """Make, edit, rotate and revoke a key; return its account, the key, and its secrets."""
    account_id = await registry.account("Practice")
    keys = f"/v1/accounts/{account_id}/keys"
    me, fields = owner(account_id), {"name": "Recalls", "permissions": {"patient": "read"}}
    made = (await registry.ask(me, "POST", keys, fields, X_Request_Id="made-it")).body
    path = f"{keys}/{made['key']['key_id']}"
    edited = {"name": "Front desk", "permissions": {"patient": "write"}, "networks": ["192.0.2.0/24"]}
    edited["rate_limit"] = {"requests": 100, "per_s": 60, "burst": 200}
    await registry.ask(me, "PATCH", path, edited, X_Request_Id="edited-it")
    rotated = (await registry.ask(me, "POST", f"{path}/rotate", {"overlap_s": 60})).body
    await registry.ask(Caller(role=Role.OWNER, sub="olga", account_id=account_id), "DELETE", path)
    return account_id, made["key"], [made["secret"], rotated["secret"]]


async def test_of_a_key(registry: Registry) -> None:
    """Each event of a key is told in words, with actor, request and every field before and after."""
    account_id, key, _ = await storied_key(registry)
    items = await history(registry, owner(account_id), f"/v1/accounts/{account_id}/keys/{key['key_id']}")
    assert [each["summary"] for each in items] == [
        "Key created",
        "Key renamed",
        "Permissions changed",
        "Networks that the key works from changed",
        "How often the key may be used changed",
        "Secret replaced",
        "Key revoked, for ever",
    ]
    made, renamed, permitted, networked, limited, rotated, revoked = items
    assert changes(made)["name"] == (None, "Recalls")
    assert changes(made)["permissions.patient"] == (None, "read")
    assert changes(renamed) == {"name": ("Recalls", "Front desk")}
    assert changes(permitted) == {"permissions.patient": ("read", "write")}
    assert changes(networked) == {"networks": (None, ["192.0.2.0/24"])}
    assert changes(limited) == {"rate_limit": (None, "100 requests in 60 s, 200 at once")}
    before, hint = changes(rotated)["secret_hint"]
    assert before == key["secret_hint"] != hint
    ends = datetime.fromisoformat(str(changes(rotated)["old_secret_works_until"][1]))
    assert ends - datetime.fromisoformat(rotated["at"]) == timedelta(seconds=60)
    assert changes(revoked) == {"state": ("active", "revoked")}
    assert [each["request_id"] for each in items[:5]] == ["made-it"] + ["edited-it"] * 4
    assert [each["actor"] for each in items] == [{"role": "owner", "subject": "otto"}] * 6 + [
        {"role": "owner", "subject": "olga"}
    ]
    assert {(each["account_id"], each["key_id"], each["vendor_id"]) for each in items} == {
        (account_id, key["key_id"], None)
    }


async def test_of_an_account(registry: Registry) -> None:
    """An account's history has its own events and all of its keys', newest first, and nobody else's."""
    account_id, key, _ = await storied_key(registry)
    await storied_key(registry)
    await registry.approved_vendor()
    path = f"/v1/accounts/{account_id}"
    await registry.ask(owner(account_id), "PUT", f"{path}/integrations", {"enabled": True})
    answered = await registry.ask(owner(account_id), "GET", f"{path}/history")
    items, positions = answered.body["items"], [each["position"] for each in answered.body["items"]]
    assert positions == sorted(positions, reverse=True)
    assert (len(items), answered.body["next_cursor"]) == (9, None)
    assert (items[0]["summary"], items[-1]["summary"]) == ("API integrations turned on", "Account opened")
    assert changes(items[0]) == {"integrations_enabled": (False, True)}
    assert items[-1]["actor"] == {"role": "operator", "subject": "olivia"}
    assert {each["account_id"] for each in items} == {account_id}
    assert {each["key_id"] for each in items} == {None, key["key_id"]}


async def test_pages_while_events_arrive(registry: Registry) -> None:
    """Page by page every event is seen once, and as it was then, though others arrive meanwhile."""
    account_id = await registry.account()
    key = await registry.key(account_id)
    path = f"/v1/accounts/{account_id}/keys/{key['key_id']}"
    for number in range(6):
        await registry.ask(owner(account_id), "PATCH", path, {"name": f"Name {number}"})
    seen: list[tuple[object, object]] = []
    query = "?limit=2"
    while query:
        page = (await registry.ask(owner(account_id), "GET", f"{path}/history{query}")).body
        seen += [changes(each)["name"] for each in page["items"]]
        query = page["next_cursor"] and f"?limit=2&cursor={page['next_cursor']}"
        await registry.ask(owner(account_id), "PATCH", path, {"name": f"Later {len(seen)}"})
    names = [None, "Recalls", *(f"Name {number}" for number in range(6))]
    assert seen[::-1] == list(itertools.pairwise(names))
    for query in ("limit=0", "limit=101", "cursor=nonsense", "colour=red"):
        assert (await registry.ask(owner(account_id), "GET", f"{path}/history?{query}")).status == 400


async def test_of_others(registry: Registry) -> None:
    """What is another tenant's, or not there, has no history; nor has a key of the other kind."""
    account_id, key, _ = await storied_key(registry)
    other_id, vendor_id = await registry.account(), await registry.approved_vendor()
    other_vendor = await registry.approved_vendor("Other", "otis")
    issued = (await registry.ask(REVIEWER, "POST", f"/v1/vendors/{vendor_id}/keys")).body["key"]
    mine = owner(other_id)
    for path in (
        f"/v1/accounts/{account_id}",
        f"/v1/accounts/{account_id}/keys/{key['key_id']}",
        f"/v1/accounts/{other_id}/keys/{key['key_id']}",
        f"/v1/accounts/{other_id}/keys/{issued['key_id']}",
        f"/v1/accounts/{other_id}/keys/key_000000000000",
        f"/v1/accounts/{other_id}/keys/x%2Fy",
    ):
        refused = await registry.ask(mine, "GET", f"{path}/history")
        assert (refused.status, refused.slug) == (404, "not-found"), path
    absent = "/v1/vendors/ven_000000000000/history"
    assert (await registry.ask(REVIEWER, "GET", absent)).status == 404
    assert (
        await registry.ask(owner("acc_000000000000"), "GET", "/v1/accounts/acc_000000000000/history")
    ).status == 404
    assert (await registry.ask(vendor(other_vendor), "GET", f"/v1/vendors/{vendor_id}/history")).status == 404
    for caller in (OPERATOR, mine):
        assert (await registry.ask(caller, "GET", f"/v1/vendors/{vendor_id}/history")).status == 403
    assert (await registry.ask(REVIEWER, "GET", f"/v1/accounts/{account_id}/history")).status == 403


async def storied_vendor(registry: Registry) -> str:
    """Have a vendor judged by two reviewers, and its key issued, rotated and revoked."""
    vendor_id = await registry.applied_vendor()
    path = f"/v1/vendors/{vendor_id}"
    for reviewer, kind in ((REVIEWER, "security"), (OTHER_REVIEWER, "compliance")):
        review = {"kind": kind, "verdict": "pass", "notes": NOTES}
        await registry.ask(reviewer, "POST", f"{path}/reviews", review)
    await registry.ask(REVIEWER, "POST", f"{path}/approve")
    await registry.ask(vendor(vendor_id), "PATCH", path, {"website": "https://new.example"})
    key = (await registry.ask(REVIEWER, "POST", f"{path}/keys")).body["key"]
    key_path = f"{path}/keys/{key['key_id']}"
    await registry.ask(vendor(vendor_id), "POST", f"{key_path}/rotate", {"overlap_s": 0})
    await registry.ask(REVIEWER, "POST", f"{path}/suspend", {"reason": "a leak"})
    return vendor_id


async def test_of_a_vendor(registry: Registry) -> None:
    """A vendor's history has its keys' events; a reviewer sees who judged, the vendor only that one did."""
    vendor_id = await storied_vendor(registry)
    by_reviewer = await history(registry, REVIEWER, f"/v1/vendors/{vendor_id}")
    by_itself = await history(registry, vendor(vendor_id), f"/v1/vendors/{vendor_id}")
    assert [each["summary"] for each in by_reviewer] == [
        "Application made",
        "Login let in",
        "Review recorded",
        "Review recorded",
        "Vendor approved",
        "Application amended",
        "Vendor key issued",
        "Secret of the vendor key replaced",
        "Vendor suspended; every key of it stopped",
    ]
    assert [each["actor"]["subject"] for each in by_reviewer] == [
        *[APPLICANT.sub] * 2, "rex", "rita", "rex", APPLICANT.sub, "rex", APPLICANT.sub, "rex",
    ]  # fmt: skip
    assert [each["actor"]["subject"] for each in by_itself] == [
        *[APPLICANT.sub] * 2, None, None, None, APPLICANT.sub, None, APPLICANT.sub, None,
    ]  # fmt: skip
    assert [each | {"actor": None} for each in by_itself] == [each | {"actor": None} for each in by_reviewer]
    _, let_in, reviewed, _, approved, amended, *_, suspended = by_itself
    assert changes(let_in)["subject"] == (None, APPLICANT.sub)
    assert changes(reviewed) == {"reviews.security": (None, "pass")}
    assert changes(approved) == {"state": ("applied", "approved")}
    assert changes(amended) == {"website": ("https://recall.example", "https://new.example")}
    assert (suspended["reason"], changes(suspended)) == ("a leak", {"state": ("approved", "suspended")})


async def test_nothing_secret(registry: Registry) -> None:
    """No history holds a secret, a digest of one, a reviewer's notes or, to the vendor, a reviewer's name."""
    account_id, key, secrets = await storied_key(registry)
    vendor_id = await storied_vendor(registry)
    digests = [digest_of(secret).hex() for secret in secrets]
    ledger = [row.data for row, *_ in await registry.ledger.rows_after(0, 100)]
    for told in (*digests, NOTES):
        assert any(told in row for row in ledger), "the ledger has it, or the rest proves nothing"

    def text(answered: Answered) -> str:
        assert answered.status == 200
        return str(answered.body)

    mine = owner(account_id)
    account = text(await registry.ask(mine, "GET", f"/v1/accounts/{account_id}/history"))
    one = text(await registry.ask(mine, "GET", f"/v1/accounts/{account_id}/keys/{key['key_id']}/history"))
    by_reviewer = text(await registry.ask(REVIEWER, "GET", f"/v1/vendors/{vendor_id}/history"))
    by_itself = text(await registry.ask(vendor(vendor_id), "GET", f"/v1/vendors/{vendor_id}/history"))
    for shown in (account, one, by_reviewer, by_itself):
        assert not any(told in shown for told in (*secrets, *digests, "digest", "notes", NOTES))
    assert "rita" in by_reviewer
    assert not any(reviewer in by_itself for reviewer in ("'rex'", "rita"))


async def test_of_some_types(registry: Registry) -> None:
    """A history tells only the events of the types that are named, by either form of their names, page by
    page; nothing of them is an empty page, and what is no type a 400 that says which.
    """
    account_id, key, _ = await storied_key(registry)
    me, path = owner(account_id), f"/v1/accounts/{account_id}"
    for enabled in (True, False, True):
        await registry.ask(me, "PUT", f"{path}/integrations", {"enabled": enabled})
    switched = "?type=account.integrations_enabled,keyfold.account.integrations_disabled"
    items = await history(registry, me, path, switched)
    words = ["API integrations turned on", "API integrations turned off; every key stopped"]
    assert [each["summary"] for each in items] == [words[0], words[1], words[0]]
    assert changes(items[0]) == {"integrations_enabled": (False, True)}
    first = (await registry.ask(me, "GET", f"{path}/history{switched}&limit=2")).body
    assert [each["position"] for each in first["items"]] == [each["position"] for each in items[:0:-1]]
    rest = f"{path}/history{switched}&limit=2&cursor={first['next_cursor']}"
    assert (await registry.ask(me, "GET", rest)).body == {
        "items": [items[0]], "next_cursor": None,
    }  # fmt: skip
    of_key = await history(registry, me, f"{path}/keys/{key['key_id']}", "?type=subscriber_key.rotated")
    assert [each["summary"] for each in of_key] == ["Secret replaced"]
    vendor_id = await registry.applied_vendor()
    for caller in (REVIEWER, vendor(vendor_id), APPLICANT):
        of_vendor = await history(registry, caller, f"/v1/vendors/{vendor_id}", "?type=vendor.applied")
        assert [each["summary"] for each in of_vendor] == ["Application made"]
    assert await history(registry, me, path, "?type=vendor.applied") == []
    for absent in ("/v1/accounts/acc_000000000000", f"{path}/keys/key_000000000000"):
        who = owner(absent.split("/")[3])
        assert (await registry.ask(who, "GET", f"{absent}/history?type=account.created")).status == 404
    for bad, place in (("", 1), ("account.created,x", 2), ("account.created,,x", 2), ("keyfold.", 1)):
        refused = await registry.ask(me, "GET", f"{path}/history?type={bad}")
        assert (refused.status, refused.pointers) == (400, ["/query/type"])
        assert refused.body["errors"][0]["detail"].startswith(f"number {place} is no event type")
