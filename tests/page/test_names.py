"""Names that could break a page: markup, other directions, emoji, and 200 characters."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.page.browsers import Desk, desk, press
from tests.support.page.keys import HOME, page_of
from tests.support.page.people import newcomer, owner_of
from tests.support.stack.running import RunningStack
from tests.support.stack.world import (
    OPERATOR,
    REVIEWER,
    Practice,
    VendorWithKey,
    World,
    applicant,
    application,
)

pytestmark = pytest.mark.debian("chromium-headless-shell")

WIDTH: Final = 320
NAMES: Final = (
    "</title></bdi><script>window.broken=1</script><img src=x onerror='window.broken=1'>\" '&lt;",
    "{{ 7 * 7 }}{% raw %}${7 * 7}",
    "מרפאת שיניים (تذكير) 123",
    "🦷🦷🦷 👩‍⚕️ Zahnärzte",
    "W" * 200,
)
FIRST: Final = 5000
LOOK: Final = """names => ({
  missing: names.filter(name => ![...document.querySelectorAll("main *")].some(
    each => each.value === name || each.textContent.trim() === name)),
  ran: window.broken !== undefined,
  width: document.documentElement.scrollWidth,
})"""


async def test_names(browser: Browser, stack: RunningStack, world: World, vendor: VendorWithKey) -> None:
    """No script in a name runs, each is shown as it is, and none makes a page wider than a small screen."""
    vendors = await asyncio.gather(*(_approved(world, number) for number in range(len(NAMES))))
    account = await world.done("POST", "/v1/accounts", OPERATOR, {"name": NAMES[0]})
    practice = Practice(account_id=account["account_id"], key_id="", secret="", vendor=vendor)
    async with desk(browser, stack.url("console"), viewport={"width": WIDTH, "height": 800}) as small:
        page = await small.open("/sign-in")
        for number, name in enumerate(NAMES):
            await small.sign_in(newcomer(stack, applicant(FIRST + number).sub, "vendor"))
            await _look(page, small.console + "/vendor", [name])
        await small.sign_in("reviewer")
        for name, vendor_id in zip(NAMES, vendors, strict=True):
            await _look(page, f"{small.console}/reviews/{vendor_id}", [name])
        await small.sign_in(owner_of(stack, practice))
        for name in NAMES:
            terms = {"name": name, "permissions": {"patient": "read"}, "vendor_ids": vendors}
            made = await world.done("POST", f"{practice.path}/keys", practice.owner, terms)
            key = f"{HOME}/keys/{made['key']['key_id']}"
            await _look(page, small.console + key, NAMES)
        chosen = "&".join(f"vendor={each}" for each in vendors)
        new = f"{HOME}/keys/new?name=All&who=these&{chosen}&step="
        for address in (HOME, f"{new}permissions", f"{new}summary", f"{key}/edit", f"{HOME}/activity"):
            await _look(page, small.console + address, NAMES)
        assert small.complaints == []


async def test_unseen_marks(office: Desk, owner: str, practice: Practice) -> None:
    """A character that turns or hides text is refused where it was typed, by its number."""
    page = await office.signed_in(owner, f"{page_of(practice)}/edit")
    for mark in "\u200f\u202e\u200b":
        await page.get_by_label("Name", exact=True).fill(f"Recalls{mark}fdp")
        await press(page, "Continue")
        await expect(page.get_by_role("alert")).to_contain_text(f"(U+{ord(mark):04X}). Type the name anew.")
        await expect(page.get_by_label("Name", exact=True)).to_be_focused()


async def _approved(world: World, number: int) -> str:
    name = NAMES[number]
    made = await world.done("POST", "/v1/vendors", applicant(FIRST + number), application(name))
    at = f"/v1/vendors/{made['vendor_id']}"
    for kind in ("security", "compliance"):
        await world.done("POST", f"{at}/reviews", REVIEWER, {"kind": kind, "verdict": "pass", "notes": name})
    await world.done("POST", f"{at}/approve", REVIEWER)
    return str(made["vendor_id"])


async def _look(page: Page, address: str, names: Iterable[str]) -> None:
    await page.goto(address)
    seen = await page.evaluate(LOOK, list(names))
    assert (seen["missing"], seen["ran"]) == ([], False), address
    assert seen["width"] <= WIDTH, address
