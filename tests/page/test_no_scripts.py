"""Without JavaScript everything works except the live view and copying."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from itertools import count

import pytest
from playwright.async_api import Browser, expect

from tests.support.page.browsers import Desk, desk, follow, main_of, press, wait_for_heading
from tests.support.page.keys import HOME, choose, grant, page_of, read_secret
from tests.support.page.people import fill_application, newcomer
from tests.support.stack.running import RunningStack, freeze
from tests.support.stack.world import Practice, VendorWithKey, World

pytestmark = pytest.mark.debian("chromium-headless-shell")

_numbers = count(1)


@pytest.fixture
async def plain(browser: Browser, stack: RunningStack) -> AsyncIterator[Desk]:
    """A browser that runs no scripts."""
    async with desk(browser, stack.url("console"), java_script_enabled=False) as made:
        yield made
        assert made.complaints == []


async def test_owner_makes_and_edits(
    plain: Desk, owner: str, practice: Practice, vendor: VendorWithKey
) -> None:
    """The switch has a button of its own; a key is added, tried and edited page by page."""
    page = await plain.signed_in(owner, HOME)
    await page.get_by_role("switch").uncheck()
    await press(page, "Save")
    await expect(main_of(page)).to_contain_text("Off. No key can be used.")
    await page.get_by_role("switch").check()
    await press(page, "Save")
    await follow(page, "Add key")
    await page.get_by_label("Name", exact=True).fill("Plain")
    await choose(page, vendor)
    await press(page, "Continue")
    await grant(page, "Patients", "Read")
    await press(page, "Continue")
    await press(page, "Create key")
    secret = await read_secret(page)
    await press(page, "I have stored it")
    await wait_for_heading(page, "Plain")
    await page.go_back()
    await wait_for_heading(page, "Shown once")
    await expect(page.get_by_text(secret)).to_have_count(0)
    await follow(page, "Go to the key")
    await page.get_by_label("Path").fill("/v1/patient/7")
    await press(page, "Try")
    await expect(main_of(page)).to_contain_text("It would pass.")
    await follow(page, "Edit")
    await grant(page, "Patients", "No access")
    await press(page, "Continue")
    await expect(main_of(page)).to_contain_text("It will no longer be able to read patients.")
    await press(page, "Save changes")
    await expect(main_of(page)).to_contain_text("Saved.")
    await follow(page, "See each request with this key")
    await expect(page.get_by_role("button", name="Live")).to_have_count(0)


async def test_what_comes_after_the_rest(plain: Desk, owner: str, world: World, practice: Practice) -> None:
    """What takes a while to add up is behind a link, as a page of its own."""
    await world.request("GET", "/v1/patient/7", practice.keys)
    await world.whole_log(practice)
    page = await plain.signed_in(owner, HOME)
    await follow(page, "Show use in the last 30 days")
    await expect(page.get_by_role("listitem").filter(has_text="1 request in 30 days")).to_have_count(1)
    await page.goto(f"{plain.console}{HOME}/activity?range=30d")
    await follow(page, "Show these requests in numbers")
    await expect(page.get_by_role("figure")).to_contain_text("Allowed: 1")
    await follow(page, "category")
    await expect(page.get_by_role("figure")).to_contain_text("Patients: 1")
    assert page.url.endswith("/activity/sums?chart=category&range=30d")


async def test_owner_revokes(plain: Desk, owner: str, stack: RunningStack, practice: Practice) -> None:
    """A button asks again whether a revocation is in force, and nothing is called stopped before it is."""
    page = await plain.signed_in(owner, f"{page_of(practice)}/revoke")
    said = page.get_by_role("heading", level=2)
    with freeze(stack.pid("gatekeeper")):
        await press(page, "Revoke key")
        await expect(said).to_have_text("Revoked. Confirming everywhere…")
        await press(page, "Check again")
        await expect(said).to_have_text("Revoked. Confirming everywhere…")
    await press(page, "Check again")
    await expect(said).to_have_text("Stopped everywhere")
    await expect(main_of(page)).to_contain_text(re.compile(r"Confirmed after \d+\.\d seconds"))


async def test_vendor_and_reviewer(plain: Desk, stack: RunningStack) -> None:
    """A developer applies; a reviewer reviews, approves, issues a key and suspends."""
    name = newcomer(stack, f"paula-{next(_numbers)}", "vendor")
    page = await plain.signed_in(name, "/vendor/apply")
    await fill_application(page, f"{name} reminds")
    await press(page, "Apply")
    await expect(main_of(page)).to_contain_text("Your application was sent.")
    await press(page, "Sign out")
    await page.goto(f"{plain.console}/sign-in?return_to=/reviews")
    await press(page, "Continue as reviewer")
    await follow(page, f"{name} reminds")
    for kind in ("Security review", "Compliance review"):
        await page.get_by_role("group", name=kind).get_by_role("radio", name="Pass").check()
        await press(page, f"Record {kind.lower()}")
    await press(page, "Approve")
    await press(page, "Issue key")
    await read_secret(page)
    await press(page, "I have stored it")
    await page.get_by_label("Reason").fill("Sold data.")
    await press(page, "Suspend")
    await expect(page.get_by_role("heading", level=2)).to_have_text("Suspended. Confirming everywhere…")
    await press(page, "Check again")
    await expect(page.get_by_role("heading", level=2)).to_have_text("Stopped everywhere")
