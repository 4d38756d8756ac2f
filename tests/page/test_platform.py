"""A vendor and the platform's people: applied, reviewed, approved, keys, suspended, reinstated, rejected."""

from __future__ import annotations

import re
from itertools import count

import pytest
from playwright.async_api import Page, expect

from tests.support.eventually import eventually
from tests.support.page.browsers import Desk, follow, main_of, press, wait_for_heading
from tests.support.page.keys import read_secret
from tests.support.page.people import developer_of, fill_application, newcomer
from tests.support.stack.running import RunningStack
from tests.support.stack.world import OPERATOR, VendorWithKey, World, applicant, application

pytestmark = pytest.mark.debian("chromium-headless-shell")

NOTES = "We doubt the disk."
_numbers = count(1)


async def test_from_application_to_key(office: Desk, elsewhere: Desk, stack: RunningStack) -> None:
    """A developer applies and amends; a reviewer reviews, approves and issues; each sees what is next."""
    developer = newcomer(stack, f"dora-{next(_numbers)}", "vendor")
    page = await office.signed_in(developer)
    await wait_for_heading(page, "Your integration")
    await follow(page, "Apply")
    await press(page, "Apply")
    await expect(page.get_by_label("Name")).to_be_focused()
    await expect(page.get_by_role("alert").get_by_role("link")).to_have_count(5)
    name = f"{developer} reminds"
    await fill_application(page, name)
    await press(page, "Apply")
    await expect(page.get_by_role("status").filter(has_text="Your application was sent.")).to_be_focused()
    await expect(main_of(page)).to_contain_text("Security review: not made yet")

    reviews = await elsewhere.signed_in("reviewer", "/reviews")
    await wait_for_heading(reviews, "Reviews")
    await follow(reviews, name)
    await wait_for_heading(reviews, name)
    approve = reviews.get_by_role("button", name="Approve")
    await expect(approve).to_be_disabled()
    await expect(approve).to_have_accessible_description(
        "Both reviews must have passed: the security review is missing and the compliance review is missing."
    )
    for disabled in ("Suspend", "Reinstate", "Issue key"):
        button = reviews.get_by_role("button", name=disabled)
        await expect(button).to_be_disabled()
        await expect(button).to_have_accessible_description(re.compile(r"\w+"))
    await _review(reviews, "Security review", "Fail", NOTES)

    await page.reload()
    await expect(main_of(page)).to_contain_text("Security review: did not pass")
    await follow(page, "Amend application")
    await page.get_by_label("Intended use").fill("Reminds patients, on our own disks.")
    await press(page, "Save changes")
    await expect(main_of(page)).to_contain_text("Reminds patients, on our own disks.")
    assert NOTES not in await page.content()

    await reviews.reload()
    for kind in ("Security review", "Compliance review"):
        await _review(reviews, kind, "Pass", NOTES)
    await press(reviews, "Approve")
    await expect(reviews.get_by_role("status").filter(has_text="The vendor was approved.")).to_be_focused()
    await press(reviews, "Issue key")
    secret = await read_secret(reviews)
    await press(reviews, "I have stored it")
    await wait_for_heading(reviews, name)

    await page.reload()
    await expect(main_of(page)).to_contain_text("Approved. Practices can choose your software")
    await expect(page.get_by_role("heading", name="History")).to_be_visible()
    content = await page.content()
    assert (NOTES in content, secret in content) == (False, False)


async def test_suspended(elsewhere: Desk, world: World, stack: RunningStack, office: Desk) -> None:
    """A suspended vendor's requests stop everywhere; it reads why, and works again when it is reinstated."""
    practice = await world.practice(await world.vendor())
    vendor = practice.vendor
    reviews = await elsewhere.signed_in("reviewer", f"/reviews/{vendor.vendor_id}")
    await press(reviews, "Suspend")
    await expect(reviews.get_by_label("Reason")).to_be_focused()
    await reviews.get_by_label("Reason").fill("Data was sold.")
    await press(reviews, "Suspend")
    await expect(reviews.get_by_role("heading", level=2)).to_have_text("Stopped everywhere")
    answer = await world.request("GET", "/v1/patient/7", practice.keys)
    assert answer.reasons == ["vendor_suspended"]
    page = await office.signed_in(developer_of(stack, vendor))
    await expect(main_of(page)).to_contain_text("You are suspended.")
    await expect(main_of(page)).to_contain_text("Data was sold.")
    await follow(reviews, "Back to the vendor")
    await expect(reviews.get_by_role("button", name="Suspend")).to_have_accessible_description(
        "It is suspended already."
    )
    await press(reviews, "Reinstate")
    await expect(reviews.get_by_role("status").filter(has_text="reinstated")).to_be_focused()
    await world.settled()
    assert (await world.request("GET", "/v1/patient/7", practice.keys)).status == 200


async def test_rejected(office: Desk, elsewhere: Desk, world: World, stack: RunningStack) -> None:
    """A rejected developer reads why, and applies again with the earlier application in the form."""
    number = 9000 + next(_numbers)
    made = await world.done("POST", "/v1/vendors", applicant(number), application(f"Vague {number}"))
    reviews = await elsewhere.signed_in("reviewer", f"/reviews/{made['vendor_id']}")
    reason = reviews.locator("form").filter(has=reviews.get_by_role("button", name="Reject"))
    await reason.get_by_label("Reason").fill("Too vague.")
    await press(reviews, "Reject")
    await expect(reviews.get_by_role("status").filter(has_text="rejected")).to_be_focused()
    page = await office.signed_in(newcomer(stack, f"vera-{number}", "vendor"))
    await expect(main_of(page)).to_contain_text("Too vague.")
    await follow(page, "Apply again")
    await expect(page.get_by_label("Name")).to_have_value(f"Vague {number}")
    await press(page, "Apply again")
    await expect(main_of(page)).to_contain_text("Security review: not made yet")


async def test_own_key(office: Desk, world: World, stack: RunningStack) -> None:
    """A vendor rotates and revokes its own key, and is told to ask a reviewer for another."""
    practice = await world.practice(await world.vendor())
    page = await office.signed_in(developer_of(stack, practice.vendor))
    await follow(page, "Rotate")
    await wait_for_heading(page, "Rotate key")
    await expect(page.get_by_role("radio", checked=True)).to_have_accessible_name("1 day")
    await press(page, "Rotate key")
    secret = await read_secret(page)
    await expect(page.get_by_label("The key's secret")).to_be_focused()
    await world.settled()
    keys = (("x-api-key", secret), ("A-api-key", practice.secret))
    assert (await world.request("GET", "/v1/patient/7", keys)).status == 200
    await press(page, "I have stored it")
    await expect(main_of(page)).to_contain_text("The old secret works until")
    await page.go_back()
    await wait_for_heading(page, "This key cannot be shown again")
    await page.goto(f"{office.console}/vendor")
    await follow(page, "Revoke")
    await wait_for_heading(page, "Revoke this key?")
    await expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    await press(page, "Revoke key")
    await expect(page.get_by_role("heading", level=2)).to_have_text("Stopped everywhere")
    assert (await world.request("GET", "/v1/patient/7", keys)).reasons == ["vendor_key_revoked"]
    await follow(page, "Back")
    await expect(main_of(page)).to_contain_text("Keys are issued by the platform's reviewers")


async def test_own_requests(office: Desk, world: World, vendor: VendorWithKey, stack: RunningStack) -> None:
    """Refusals are grouped by reason and endpoint, with what to do and who must; one is found by its id."""
    practice = await world.practice(await world.vendor())
    for path in ("/v1/patient/7", "/v1/patient/8", "/v1/patient/8?x=1"):
        await world.request("DELETE", path, practice.keys)
    await world.request("GET", "/v1/note/9", practice.keys)
    log = await world.whole_log(practice)
    page = await office.signed_in(developer_of(stack, practice.vendor), "/vendor/activity")
    await wait_for_heading(page, "Your requests")
    refusals = page.get_by_role("region", name="Top refusals").get_by_role("listitem")
    await expect(refusals.filter(has_text="read this data and not change it")).to_contain_text(
        re.compile(r"3 requests.*the practice's owner.*DELETE /v1/patient/…: 3", re.DOTALL)
    )
    await expect(refusals.filter(has_text="no access to this data")).to_contain_text("GET /v1/note/…: 1")
    await page.get_by_label("Find a request").fill(log[0]["event_id"])
    await press(page, "Find")
    await wait_for_heading(page, "Request")
    await expect(main_of(page)).to_contain_text("This can be done by the practice's owner.")


async def test_nothing_yet(office: Desk, stack: RunningStack) -> None:
    """Whoever has not applied yet is led to applying from every vendor page."""
    page = await office.signed_in(newcomer(stack, f"dora-{next(_numbers)}", "vendor"))
    for path in ("/vendor/activity", "/vendor/people", "/vendor/amend"):
        await page.goto(office.console + path)
        await expect(main_of(page).get_by_role("link", name="Apply")).to_be_visible()


async def test_operations(office: Desk, world: World) -> None:
    """An operator sees the state of every service, gatekeeper and proof, and can change none of it there."""
    page = await office.signed_in("operator")
    await wait_for_heading(page, "Operations")
    services = page.get_by_role("group", name="Services")
    for service in ("registry", "relay", "projection", "audit", "shipper", "gatekeeper"):
        row = services.get_by_role("row").filter(has=page.get_by_role("rowheader", name=service, exact=True))
        await expect(row).to_contain_text("Ready")
    await expect(page.get_by_role("group", name="Gatekeepers").get_by_role("row")).to_have_count(2)
    for heading in ("Access log", "Unattributed requests", "Checkpoints", "Dead letters"):
        await expect(page.get_by_role("heading", name=heading)).to_be_visible()

    async def in_force() -> bool:
        await page.reload()
        return "is in force everywhere." in await main_of(page).inner_text()

    await eventually(in_force)
    position = (await world.ask("gatekeeper", "GET", "/v1/position", OPERATOR)).body["position"]
    shown = await page.get_by_role("group", name="Gatekeepers").get_by_role("cell").first.inner_text()
    assert int(shown.replace(",", "")) <= position


async def _review(page: Page, kind: str, verdict: str, notes: str) -> None:
    form = page.get_by_role("group", name=kind)
    await form.get_by_role("radio", name=verdict).check()
    await form.get_by_label("Notes").fill(notes)
    await form.get_by_role("button").click()
    await expect(page.get_by_role("status").filter(has_text="review was recorded")).to_be_focused()
