"""Vendors: they apply, are reviewed, let in, stopped and let in again; each caller sees its own part."""

from __future__ import annotations

import asyncio

import pytest

from keyfold.domain.access.key_proof import MALFORMED
from keyfold.runtime.auth.caller import Caller, Role
from keyfold.wire.keys.format import KeyKind, read_key
from tests.support.registry.serving import APPLICANT, OPERATOR, REVIEWER, Registry, instance, owner, vendor

STRANGER = Caller(role=Role.VENDOR, sub="nora")
APPLICATION = {
    "name": "x",
    "contact_email": "a@b.c",
    "website": "https://b.c",
    "intended_use": "x",
    "categories": ["patient"],
}


async def test_from_application_to_approval(registry: Registry) -> None:
    """A vendor is let in once both reviews have passed, and not before."""
    vendor_id = await registry.applied_vendor()
    path = f"/v1/vendors/{vendor_id}"
    early = await registry.ask(REVIEWER, "POST", f"{path}/approve")
    assert (early.status, early.slug) == (409, "reviews-missing")
    passed = {"kind": "security", "verdict": "pass"}
    await registry.ask(REVIEWER, "POST", f"{path}/reviews", passed)
    assert (await registry.ask(REVIEWER, "POST", f"{path}/approve")).slug == "reviews-missing"
    reviewed = await registry.ask(REVIEWER, "POST", f"{path}/reviews", {**passed, "kind": "compliance"})
    assert [each["kind"] for each in reviewed.body["reviews"]] == ["security", "compliance"]
    approved = await registry.ask(REVIEWER, "POST", f"{path}/approve", If_Match='"3"')
    assert (approved.status, approved.body["state"], approved.headers["ETag"]) == (200, "approved", '"4"')


async def test_suspend_and_reinstate(registry: Registry) -> None:
    """An approved vendor is suspended and reinstated; what does not fit its state is refused."""
    path = f"/v1/vendors/{await registry.approved_vendor()}"
    assert (await registry.ask(REVIEWER, "POST", f"{path}/suspend", {"reason": " "})).status == 422
    suspended = await registry.ask(REVIEWER, "POST", f"{path}/suspend", {"reason": "leak"})
    assert suspended.body["state"] == "suspended"
    assert (await registry.ask(REVIEWER, "POST", f"{path}/reject", {"reason": "no"})).status == 409
    reinstated = await registry.ask(REVIEWER, "POST", f"{path}/reinstate")
    assert reinstated.body["state"] == "approved"
    assert (await registry.ask(REVIEWER, "POST", f"{path}/reinstate")).status == 200


async def test_reject(registry: Registry) -> None:
    """A rejected application is neither reviewed nor approved."""
    path = f"/v1/vendors/{await registry.applied_vendor()}"
    rejected = await registry.ask(REVIEWER, "POST", f"{path}/reject", {"reason": "no"})
    assert rejected.body["state"] == "rejected"
    review = {"kind": "security", "verdict": "pass"}
    assert (await registry.ask(REVIEWER, "POST", f"{path}/reviews", review)).slug == "vendor-rejected"
    assert (await registry.ask(REVIEWER, "POST", f"{path}/approve")).slug == "vendor-not-applied"


async def test_who_sees_what(registry: Registry) -> None:
    """A reviewer sees all, the vendor all but the notes, an owner the public part of the approved."""
    approved, applied = await registry.approved_vendor(), await registry.applied_vendor("Other", "otis")
    account_id = await registry.account()
    path = f"/v1/vendors/{approved}"
    seen_by_reviewer = (await registry.ask(REVIEWER, "GET", path)).body
    assert {each["notes"] for each in seen_by_reviewer["reviews"]} == {"between us: fine"}
    assert seen_by_reviewer["applicant"] == "vera"
    seen_by_itself = await registry.ask(vendor(approved), "GET", path)
    assert set(seen_by_itself.body["reviews"][0]) == {"kind", "verdict", "reviewed_at", "lapses_at", "counts"}
    assert "between us" not in str(seen_by_itself.body)
    seen_by_owner = await registry.ask(owner(account_id), "GET", path)
    assert set(seen_by_owner.body) == {
        "vendor_id",
        "name",
        "website",
        "intended_use",
        "categories",
        "state",
        "version",
    }
    for caller, asked_id in (
        (owner(account_id), applied),
        (vendor(applied), approved),
        (STRANGER, approved),
    ):
        assert (await registry.ask(caller, "GET", f"/v1/vendors/{asked_id}")).status == 404
    assert (await registry.ask(APPLICANT, "GET", path)).body == seen_by_itself.body
    assert (await registry.ask(OPERATOR, "GET", path)).status == 403


async def test_lists_by_role(registry: Registry) -> None:
    """A list holds every vendor for a reviewer, the approved for an owner, itself for a vendor, and what it
    applied for while its token names none.
    """
    approved, applied = await registry.approved_vendor(), await registry.applied_vendor("Other", "otis")
    account_id = await registry.account()
    for caller, expected in (
        (REVIEWER, [applied, approved]),
        (owner(account_id), [approved]),
        (vendor(applied), [applied]),
        (APPLICANT, [approved]),
        (STRANGER, []),
    ):
        listed = await registry.ask(caller, "GET", "/v1/vendors")
        assert [each["vendor_id"] for each in listed.body["items"]] == expected
    first = (await registry.ask(REVIEWER, "GET", "/v1/vendors?limit=1")).body
    rest = await registry.ask(REVIEWER, "GET", f"/v1/vendors?cursor={first['next_cursor']}")
    assert [each["vendor_id"] for each in rest.body["items"]] == [approved]


async def test_lists_of_one_state(registry: Registry) -> None:
    """A list can be asked for the vendors in one state, and tells nobody of more than it would without."""
    approved, applied = await registry.approved_vendor(), await registry.applied_vendor("Other", "otis")
    account_id = await registry.account()
    for caller, state, expected in (
        (REVIEWER, "applied", [applied]),
        (REVIEWER, "approved", [approved]),
        (REVIEWER, "rejected", []),
        (owner(account_id), "approved", [approved]),
        (owner(account_id), "applied", []),
        (vendor(applied), "applied", [applied]),
        (vendor(applied), "approved", []),
        (APPLICANT, "approved", [approved]),
        (APPLICANT, "applied", []),
    ):
        listed = await registry.ask(caller, "GET", f"/v1/vendors?state={state}")
        assert [each["vendor_id"] for each in listed.body["items"]] == expected, (caller, state)
    assert (await registry.ask(REVIEWER, "GET", "/v1/vendors?state=gone")).slug == "bad-query"


async def test_only_reviewers_judge(registry: Registry) -> None:
    """Nobody but a reviewer judges a vendor; nobody whose token names a vendor applies for another."""
    vendor_id = await registry.applied_vendor()
    account_id = await registry.account()
    for caller in (vendor(vendor_id), owner(account_id), OPERATOR):
        for action in ("approve", "reinstate", "keys"):
            assert (await registry.ask(caller, "POST", f"/v1/vendors/{vendor_id}/{action}")).status == 403
    assert (await registry.ask(vendor(vendor_id), "POST", "/v1/vendors", APPLICATION)).slug == "vendor-exists"
    assert (await registry.ask(REVIEWER, "POST", "/v1/vendors", APPLICATION)).status == 403


async def test_own_application(registry: Registry) -> None:
    """Whoever applied neither reviews nor approves, in whatever role."""
    vendor_id = await registry.applied_vendor()
    for kind in ("security", "compliance"):
        review = {"kind": kind, "verdict": "pass"}
        await registry.ask(REVIEWER, "POST", f"/v1/vendors/{vendor_id}/reviews", review)
    twofaced = type(REVIEWER)(role=REVIEWER.role, sub=APPLICANT.sub)
    for action, body in (("approve", None), ("reviews", {"kind": "security", "verdict": "pass"})):
        refused = await registry.ask(twofaced, "POST", f"/v1/vendors/{vendor_id}/{action}", body)
        assert (refused.status, refused.slug) == (409, "own-application")


async def test_one_application_each(registry: Registry) -> None:
    """An applicant has one application, also of many sent at once; another may follow a rejected one."""
    body = {**APPLICATION, "name": "Again and Again"}
    asked = [registry.ask(APPLICANT, "POST", "/v1/vendors", body) for _ in range(5)]
    answers = sorted(await asyncio.gather(*asked), key=lambda each: each.status)
    assert [each.status for each in answers] == [201, 409, 409, 409, 409]
    assert {each.slug for each in answers[1:]} == {"vendor-exists"}
    path = f"/v1/vendors/{answers[0].body['vendor_id']}"
    await registry.ask(REVIEWER, "POST", f"{path}/reject", {"reason": "no"})
    assert (await registry.ask(APPLICANT, "POST", "/v1/vendors", body)).status == 201


async def test_one_application_through_two_processes(database: str) -> None:
    """An applicant has one application also where many reach two registries at once."""
    async with instance(database) as first, instance(database) as second:
        asked = [each.ask(APPLICANT, "POST", "/v1/vendors", APPLICATION) for each in (first, second) * 10]
        statuses = sorted(each.status for each in await asyncio.gather(*asked))
        assert statuses == [201, *[409] * 19]
        assert (await first.ledger.head()).position == 2  # it applied, and its login was let in


async def test_commands_without_a_body(registry: Registry) -> None:
    """A body where none is read is refused, and nothing is done."""
    path = f"/v1/vendors/{await registry.approved_vendor()}"
    await registry.ask(REVIEWER, "POST", f"{path}/suspend", {"reason": "leak"})
    refused = await registry.ask(REVIEWER, "POST", f"{path}/reinstate", {"reason": "mended"})
    assert (refused.status, refused.pointers) == (422, [""])
    assert (await registry.ask(REVIEWER, "GET", path)).body["state"] == "suspended"


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"name": "a\u202eb"}, ["/name"]),
        ({"name": "\u2003"}, ["/name"]),
        ({"contact_email": "nobody"}, ["/contact_email"]),
        ({"contact_email": "a@" + "b" * 253}, ["/contact_email"]),
        ({"website": "javascript:alert(1)"}, ["/website"]),
        ({"intended_use": "x" * 4001}, ["/intended_use"]),
        ({"intended_use": "\x1b[31m"}, ["/intended_use"]),
        ({"categories": []}, ["/categories"]),
        ({"categories": ["everything"]}, ["/categories/0"]),
        ({"state": "approved"}, ["/state"]),
    ],
)
async def test_bad_applications(registry: Registry, fields: dict[str, object], pointers: list[str]) -> None:
    """A field of an application that is not what it should be is refused at its place."""
    body = {**APPLICATION, **fields}
    refused = await registry.ask(APPLICANT, "POST", "/v1/vendors", body)
    assert (refused.status, refused.pointers) == (422, pointers)


async def test_vendor_keys(registry: Registry) -> None:
    """A reviewer issues a key to an approved vendor, which sees it and may revoke it."""
    vendor_id = await registry.approved_vendor()
    path = f"/v1/vendors/{vendor_id}/keys"
    issued = await registry.ask(REVIEWER, "POST", path)
    assert (issued.status, issued.headers["ETag"]) == (201, '"1"')
    key = issued.body["key"]
    assert read_key(KeyKind.VENDOR, issued.body["secret"]) is not MALFORMED
    assert (key["vendor_id"], key["state"], key["revoked_at"]) == (vendor_id, "active", None)
    for caller in (vendor(vendor_id), REVIEWER):
        assert (await registry.ask(caller, "GET", path)).body == {"items": [key], "next_cursor": None}
    revoked = await registry.ask(vendor(vendor_id), "DELETE", f"{path}/{key['key_id']}")
    assert (revoked.status, revoked.body["state"]) == (200, "revoked")
    again = await registry.ask(REVIEWER, "DELETE", f"{path}/{key['key_id']}")
    assert (again.status, again.body) == (200, revoked.body)


async def test_vendor_keys_of_others(registry: Registry) -> None:
    """Only an approved vendor gets keys, and another vendor's key does not exist."""
    vendor_id, other_id = await registry.approved_vendor(), await registry.applied_vendor("Other", "otis")
    refused = await registry.ask(REVIEWER, "POST", f"/v1/vendors/{other_id}/keys")
    assert (refused.status, refused.slug) == (409, "vendor-not-approved")
    issued = await registry.ask(REVIEWER, "POST", f"/v1/vendors/{vendor_id}/keys")
    key_id = issued.body["key"]["key_id"]
    for path in (f"/v1/vendors/{vendor_id}/keys/{key_id}", f"/v1/vendors/{other_id}/keys/{key_id}"):
        assert (await registry.ask(vendor(other_id), "DELETE", path)).status == 404
    assert (await registry.ask(vendor(other_id), "GET", f"/v1/vendors/{vendor_id}/keys")).status == 404
    account_id = await registry.account()
    smuggled = f"/v1/accounts/{account_id}/keys/{key_id}"
    assert (await registry.ask(owner(account_id), "GET", smuggled)).status == 404
    assert (await registry.ask(owner(account_id), "DELETE", smuggled)).status == 404
