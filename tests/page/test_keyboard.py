"""Each of the four people works by keyboard alone: nothing here clicks, fills or checks."""

from __future__ import annotations

from itertools import count
from typing import Final

import pytest
from playwright.async_api import Locator, Page, expect

from tests.support.eventually import eventually
from tests.support.page.browsers import Desk, main_of, wait_for_heading
from tests.support.page.keys import HOME
from tests.support.page.people import newcomer
from tests.support.stack.running import RunningStack
from tests.support.stack.world import OPERATOR, Practice, World, applicant, application

pytestmark = pytest.mark.debian("chromium-headless-shell")

TABS_MAX: Final = 60
_numbers = count(1)


async def reach(page: Page, target: Locator) -> None:
    """Press Tab until something has the focus; fail if it never does."""
    element = await target.element_handle()  # found once: to find it by its role takes a while
    for _ in range(TABS_MAX):
        if await element.evaluate("each => each === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"no Tab reaches {target}")


async def button(page: Page, name: str) -> None:
    """Press a button of this name."""
    await reach(page, page.get_by_role("button", name=name, exact=True))
    await page.keyboard.press("Enter")


async def link(page: Page, name: str) -> None:
    """Follow the first link of this name in the page's main part."""
    await reach(page, main_of(page).get_by_role("link", name=name, exact=True).first)
    await page.keyboard.press("Enter")


async def type_into(page: Page, label: str, text: str) -> None:
    """Type into the field with this label."""
    await reach(page, page.get_by_label(label, exact=True))
    await page.keyboard.type(text)


async def test_owner(office: Desk, owner: str, practice: Practice, world: World) -> None:
    """An owner signs in, turns the switch, adds a key, changes it, looks at activity, and revokes it."""
    page = await office.open(f"/sign-in?return_to={HOME}")
    await button(page, f"Continue as {owner}")
    await wait_for_heading(page, "API integrations")
    switch = page.get_by_role("switch")
    for said in ("off.", "on."):
        await reach(page, switch)
        await page.keyboard.press("Space")
        await expect(page.get_by_role("status").filter(has_text=f"integrations are {said}")).to_be_focused()

    await link(page, "Add key")
    await type_into(page, "Name", "By hand")
    await reach(page, page.get_by_role("radio", name="Only the integrations chosen here"))
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("radio", name="Any approved integration")).to_be_checked()
    await button(page, "Continue")
    patients = page.get_by_role("group", name="Patients")
    await reach(page, patients.get_by_role("radio", name="No access"))
    await page.keyboard.press("ArrowRight")
    await expect(patients.get_by_role("radio", name="Read")).to_be_checked()
    await button(page, "Continue")
    await button(page, "Create key")
    await wait_for_heading(page, "Copy your key now")
    await expect(page.get_by_label("The key's secret")).to_be_focused()
    await button(page, "I have stored it")
    await wait_for_heading(page, "By hand")

    await link(page, "Edit")
    await reach(page, page.get_by_label("Name", exact=True))
    await page.keyboard.press("End")
    await page.keyboard.type(" only")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="What changes")).to_be_visible()
    await button(page, "Save changes")
    await wait_for_heading(page, "By hand only")
    await reach(page, page.get_by_label("Path"))
    await page.keyboard.type("/v1/patient/7")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("It would pass.")).to_be_visible()

    await link(page, "See each request with this key")
    await wait_for_heading(page, "Activity")
    await reach(page, page.get_by_label("Category"))
    await page.keyboard.type("Patients")
    await button(page, "Filter")
    await link(page, "Clear filters")
    await page.wait_for_url("**/activity")

    await link(page, "By hand only")
    await link(page, "Revoke key")
    await expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    await button(page, "Revoke key")
    await expect(page.get_by_role("heading", name="Stopped everywhere")).to_be_focused()


async def test_developer(office: Desk, stack: RunningStack) -> None:
    """A developer signs in, applies, is led to what was forgotten, and amends."""
    name = newcomer(stack, f"keith-{next(_numbers)}", "vendor")
    page = await office.open("/sign-in?return_to=/vendor")
    await button(page, f"Continue as {name}")
    await link(page, "Apply")
    await type_into(page, "Name", f"{name} reminds")
    await type_into(page, "Contact e-mail", "keith@vendor.example")
    await type_into(page, "Website", "https://vendor.example")
    await type_into(page, "Intended use", "Reminds patients.")
    await button(page, "Apply")
    await expect(page.get_by_role("checkbox").first).to_be_focused()
    await reach(page, page.get_by_role("checkbox", name="Patients"))
    await page.keyboard.press("Space")
    await button(page, "Apply")
    await expect(page.get_by_role("status").filter(has_text="Your application was sent.")).to_be_focused()
    await link(page, "Amend application")
    await reach(page, page.get_by_label("Website", exact=True))
    await page.keyboard.press("End")
    await page.keyboard.type("/new")
    await button(page, "Save changes")
    await expect(page.get_by_role("status").filter(has_text="Your changes were saved.")).to_be_focused()


async def test_reviewer(office: Desk, world: World) -> None:
    """A reviewer signs in, opens an application from the queue, reviews it twice, and approves it."""
    number = 7000 + next(_numbers)
    await world.done("POST", "/v1/vendors", applicant(number), application(f"Keyed {number}"))
    page = await office.open("/sign-in?return_to=/reviews")
    await button(page, "Continue as reviewer")
    await link(page, f"Keyed {number}")
    for kind in ("security", "compliance"):
        group = page.get_by_role("group", name=f"{kind.capitalize()} review")
        await reach(page, group.get_by_role("radio", name="Pass"))
        await page.keyboard.press("Space")
        await page.keyboard.press("Tab")
        await page.keyboard.type("Seen.")
        await button(page, f"Record {kind} review")
        await expect(page.get_by_role("status").filter(has_text=f"{kind} review was")).to_be_focused()
    await button(page, "Approve")
    await expect(page.get_by_role("status").filter(has_text="The vendor was approved.")).to_be_focused()


async def test_operator(office: Desk, practice: Practice, world: World) -> None:
    """An operator signs in, reads every table, opens the numbers, and looks again."""
    await world.request("GET", "/v1/patient/7", practice.keys)

    async def is_numbered() -> bool:
        return bool((await world.ask("audit", "GET", "/v1/audit/completeness", OPERATOR)).body["items"])

    await eventually(is_numbered)
    page = await office.open("/sign-in?return_to=/operations")
    await button(page, "Continue as operator")
    await wait_for_heading(page, "Operations")
    await reach(page, page.get_by_role("group", name="Services"))
    await reach(page, page.get_by_role("group", name="Gatekeepers"))
    await reach(page, page.locator("summary").first)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("group", name="Completeness")).to_be_visible()
    await link(page, "Look again")
    await wait_for_heading(page, "Operations")
