"""Applications: amended, made again after a rejection, and approved on reviews that still count."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from keyfold.runtime.auth.caller import Caller, Role
from tests.support.registry.commanding import SetClock
from tests.support.registry.serving import (
    APPLICANT,
    OPERATOR,
    REVIEWER,
    Answered,
    Registry,
    owner,
    serving,
    vendor,
)

STRANGER: Final = Caller(role=Role.VENDOR, sub="nora")
AGAIN: Final = {
    "name": "Recall Robots 2",
    "contact_email": "again@recall.example",
    "website": "https://again.example",
    "intended_use": "Recalls, and nothing else.",
    "categories": ["contact"],
}


async def passed(registry: Registry, vendor_id: str, *kinds: str) -> Answered:
    """Record passed reviews and return the last answer."""
    for kind in kinds:
        review = {"kind": kind, "verdict": "pass", "notes": "between us"}
        answered = await registry.ask(REVIEWER, "POST", f"/v1/vendors/{vendor_id}/reviews", review)
        assert answered.status == 200, answered.body
    return answered


async def amend(registry: Registry, vendor_id: str, **fields: object) -> Answered:
    """Amend an application as the vendor itself."""
    return await registry.ask(vendor(vendor_id), "PATCH", f"/v1/vendors/{vendor_id}", fields)


async def reapply(registry: Registry, vendor_id: str, body: object = AGAIN) -> Answered:
    """Apply again as the vendor itself."""
    return await registry.ask(vendor(vendor_id), "POST", f"/v1/vendors/{vendor_id}/reapply", body)


async def act(registry: Registry, vendor_id: str, what: str) -> Answered:
    """Let a reviewer judge."""
    body = None if what in ("approve", "reinstate") else {"reason": "because"}
    return await registry.ask(REVIEWER, "POST", f"/v1/vendors/{vendor_id}/{what}", body)


def counting(body: dict[str, Any]) -> list[tuple[str, bool]]:
    """Return each review's kind and whether it counts."""
    return [(each["kind"], each["counts"]) for each in body["reviews"]]


async def test_amended_while_applied(registry: Registry) -> None:
    """What is named changes and the rest stays; reviews before it count no more, and are shown as such."""
    vendor_id = await registry.applied_vendor()
    await passed(registry, vendor_id, "security", "compliance")
    amended = await amend(registry, vendor_id, intended_use="Something else.", categories=["files", "files"])
    assert (amended.status, amended.headers["ETag"]) == (200, '"4"')
    assert (amended.body["name"], amended.body["categories"]) == ("Recall Robots", ["files"])
    assert counting(amended.body) == [("security", False), ("compliance", False)]
    assert amended.body["reviews_lapse_at"] is None
    assert not {"notes", "reviewer"} & set(amended.body["reviews"][0])
    refused = await act(registry, vendor_id, "approve")
    assert (refused.status, refused.slug) == (409, "reviews-missing")
    assert "security" in refused.body["detail"] and "compliance" in refused.body["detail"]
    renewed = await passed(registry, vendor_id, "security", "compliance")
    assert [counts for _, counts in counting(renewed.body)] == [False, False, True, True]
    assert (await act(registry, vendor_id, "approve")).body["state"] == "approved"


async def test_same_again(registry: Registry) -> None:
    """An amendment that changes nothing is no event, and leaves the reviews."""
    vendor_id = await registry.applied_vendor()
    await passed(registry, vendor_id, "security", "compliance")
    for fields in ({}, {"name": "Recall Robots"}, {"categories": ["appointment", "patient"]}):
        unchanged = await amend(registry, vendor_id, **fields)
        assert (unchanged.status, unchanged.headers["ETag"]) == (200, '"3"')
    assert (await act(registry, vendor_id, "approve")).status == 200


async def test_amended_once_approved(registry: Registry) -> None:
    """Approved or suspended, a vendor changes how it is reached, and not what its reviews were about."""
    vendor_id = await registry.approved_vendor()
    for state in ("approved", "suspended"):
        moved = await amend(registry, vendor_id, contact_email=f"{state}@new.example")
        assert (moved.status, moved.body["state"]) == (200, state)
        assert [counts for _, counts in counting(moved.body)] == [True, True]
        for fields in ({"name": "Other"}, {"intended_use": "Other."}, {"categories": ["files"]}):
            refused = await amend(registry, vendor_id, website="https://new.example", **fields)
            assert (refused.status, refused.slug) == (409, "vendor-not-applied")
        await act(registry, vendor_id, "suspend")
    shown = (await registry.ask(vendor(vendor_id), "GET", f"/v1/vendors/{vendor_id}")).body
    assert (shown["contact_email"], shown["website"]) == ("suspended@new.example", "https://recall.example")
    assert (await act(registry, vendor_id, "reinstate")).body["state"] == "approved"


async def test_applied_again(registry: Registry) -> None:
    """Once rejected a vendor asks again, with reviews from the beginning; in no other state it may."""
    vendor_id = await registry.applied_vendor()
    await passed(registry, vendor_id, "security", "compliance")
    assert (await reapply(registry, vendor_id)).slug == "vendor-not-rejected"
    await act(registry, vendor_id, "reject")
    assert (await amend(registry, vendor_id, name="x")).slug == "vendor-rejected"
    again = await reapply(registry, vendor_id)
    assert (again.status, again.body["state"], again.body["vendor_id"]) == (200, "applied", vendor_id)
    assert {name: again.body[name] for name in AGAIN} == AGAIN
    assert counting(again.body) == [("security", False), ("compliance", False)]
    assert (await act(registry, vendor_id, "approve")).slug == "reviews-missing"
    await passed(registry, vendor_id, "security", "compliance")
    assert (await act(registry, vendor_id, "approve")).body["state"] == "approved"
    for what in ("approved", "suspended"):
        refused = await reapply(registry, vendor_id)
        assert (refused.status, refused.slug) == (409, "vendor-not-rejected"), what
        await act(registry, vendor_id, "suspend")


async def test_a_fail_after_a_pass(registry: Registry) -> None:
    """The latest review of a kind counts: a fail undoes a pass, and another pass the fail."""
    vendor_id = await registry.applied_vendor()
    await passed(registry, vendor_id, "security", "compliance")
    failed = {"kind": "security", "verdict": "fail", "notes": "no"}
    await registry.ask(REVIEWER, "POST", f"/v1/vendors/{vendor_id}/reviews", failed)
    refused = await act(registry, vendor_id, "approve")
    assert (refused.slug, "compliance" in refused.body["detail"]) == ("reviews-missing", False)
    await passed(registry, vendor_id, "security")
    assert (await act(registry, vendor_id, "approve")).status == 200


async def test_whose(registry: Registry) -> None:
    """Only the vendor itself amends and asks again; to another the vendor is not there."""
    vendor_id, other_id = await registry.applied_vendor(), await registry.applied_vendor("Other", "otis")
    path, before = f"/v1/vendors/{vendor_id}", await registry.ledger.head()
    for method, target, body in (("PATCH", path, {"name": "Mine"}), ("POST", f"{path}/reapply", AGAIN)):
        for caller, status in (
            (vendor(other_id), 404),
            (STRANGER, 404),  # whose token names no vendor yet
            (REVIEWER, 403),
            (OPERATOR, 403),
            (owner("acc_000000000000"), 403),
        ):
            assert (await registry.ask(caller, method, target, body)).status == status
        absent = target.replace(vendor_id, "ven_000000000000")
        assert (await registry.ask(vendor("ven_000000000000"), method, absent, body)).status == 404
        assert (await registry.ask(vendor(vendor_id), method, target, body, If_Match='"9"')).status == 412
    assert await registry.ledger.head() == before


async def test_an_applicant_sees_its_own_application(registry: Registry) -> None:
    """Whoever applied sees it before a token names its vendor, what happened and why it was rejected. It may
    amend it and apply again; what reviewers noted it does not see.
    """
    vendor_id = await registry.applied_vendor()
    path = f"/v1/vendors/{vendor_id}"
    await passed(registry, vendor_id, "security")
    amended = await registry.ask(APPLICANT, "PATCH", path, {"website": "https://new.example"})
    assert (amended.status, amended.body["reason"]) == (200, None)
    why = {"reason": "The website is empty."}
    rejected = await registry.ask(REVIEWER, "POST", f"{path}/reject", why)
    assert rejected.body["reason"] == why["reason"]
    for caller in (APPLICANT, vendor(vendor_id)):
        seen = await registry.ask(caller, "GET", path)
        assert (seen.body["state"], seen.body["reason"]) == ("rejected", why["reason"])
        history = await registry.ask(caller, "GET", f"{path}/history")
        assert [item["reason"] for item in history.body["items"]] == [why["reason"], *[None] * 4]
        assert "between us" not in str((seen.body, history.body))
    assert (await registry.ask(STRANGER, "GET", f"{path}/history")).status == 404
    again = await registry.ask(APPLICANT, "POST", f"{path}/reapply", AGAIN)
    assert (again.status, again.body["state"], again.body["reason"]) == (200, "applied", None)


async def test_why_a_vendor_is_suspended(registry: Registry) -> None:
    """A suspended vendor reads why; once it is reinstated nothing stands there."""
    vendor_id = await registry.approved_vendor()
    path = f"/v1/vendors/{vendor_id}"
    assert (await act(registry, vendor_id, "suspend")).body["reason"] == "because"
    assert (await registry.ask(vendor(vendor_id), "GET", path)).body["reason"] == "because"
    assert (await act(registry, vendor_id, "reinstate")).body["reason"] is None


async def test_bad_amendments(registry: Registry) -> None:
    """A field that is not what it should be is refused at its place; none can be emptied."""
    vendor_id = await registry.applied_vendor()
    for fields, pointer in (
        ({"name": ""}, "/name"),
        ({"name": None}, "/name"),
        ({"contact_email": "nobody"}, "/contact_email"),
        ({"website": "javascript:alert(1)"}, "/website"),
        ({"intended_use": " "}, "/intended_use"),
        ({"categories": []}, "/categories"),
        ({"state": "approved"}, "/state"),
        ({"applicant": "me"}, "/applicant"),
    ):
        refused = await amend(registry, vendor_id, **fields)
        assert (refused.status, refused.pointers) == (422, [pointer])
    missing = await reapply(registry, vendor_id, {"name": "x"})
    assert missing.status == 422


async def test_lapsed_reviews(database: str) -> None:
    """Reviews are good for as long as the setting says, and not at their end: then a renewal is needed."""
    clock = SetClock()
    async with serving(database, clock=clock, reviews_valid_for=timedelta(days=30)) as registry:
        vendor_id = await registry.applied_vendor()
        await passed(registry, vendor_id, "security")
        clock.moved_by += timedelta(days=10)
        both = await passed(registry, vendor_id, "compliance")
        assert both.body["reviews_lapse_at"] == both.body["reviews"][0]["lapses_at"]
        clock.moved_by += timedelta(days=20)
        refused = await act(registry, vendor_id, "approve")
        assert (refused.status, refused.slug) == (409, "reviews-missing")
        assert "the security review" in refused.body["detail"]
        assert "compliance" not in refused.body["detail"]
        await passed(registry, vendor_id, "security")
        assert (await act(registry, vendor_id, "approve")).body["state"] == "approved"
        # Reviews that lapse later cut nobody off.
        clock.moved_by += timedelta(days=365)
        shown = (await registry.ask(REVIEWER, "GET", f"/v1/vendors/{vendor_id}")).body
        assert shown["state"] == "approved"
        assert (await registry.ask(REVIEWER, "POST", f"/v1/vendors/{vendor_id}/keys")).status == 201
