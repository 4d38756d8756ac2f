"""States that a page may be in, each provoked, and what it says then."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect

from keyfold.local.signing import Claims
from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.support.eventually import eventually
from tests.support.page.browsers import Desk, desk, follow, main_of, press, wait_for_heading
from tests.support.page.keys import HOME, page_of
from tests.support.page.people import owner_of
from tests.support.stack.running import RunningStack
from tests.support.stack.world import OPERATOR, Practice, World

pytestmark = pytest.mark.debian("chromium-headless-shell")


async def test_nothing_yet(office: Desk, stack: RunningStack, world: World, practice: Practice) -> None:
    """Without integrations or keys a page says so, and what to do next; there is nothing to stop then."""
    account = await world.done("POST", "/v1/accounts", OPERATOR, {"name": "Empty"})
    empty = Practice(account_id=account["account_id"], key_id="", secret="", vendor=practice.vendor)
    page = await office.signed_in(owner_of(stack, empty), HOME)
    await expect(page.get_by_role("switch")).not_to_be_checked()
    await expect(main_of(page)).to_contain_text("Off. No key can be used.")
    await expect(main_of(page)).to_contain_text("No keys yet.")
    await expect(page.get_by_role("link", name="Stop all keys")).to_have_count(0)
    await page.goto(f"{office.console}{HOME}/stop")
    await expect(page.get_by_role("status").filter(has_text="There is no key to stop.")).to_be_focused()
    await page.goto(f"{office.console}{HOME}/activity")
    await expect(main_of(page)).to_contain_text("No requests in this time.")


async def test_never_used(office: Desk, owner: str, practice: Practice) -> None:
    """A key that was never used says so, with a command to try it, and in the list too."""
    page = await office.signed_in(owner, page_of(practice))
    await expect(main_of(page)).to_contain_text("This key was never used.")
    await expect(page.locator("pre")).to_contain_text(
        re.compile(r"curl -i '.*A-api-key: YOUR_KEY'", re.DOTALL)
    )
    await page.goto(office.console + HOME)
    await expect(main_of(page)).to_contain_text("Never used")


async def test_ends(office: Desk, owner: str, world: World, practice: Practice) -> None:
    """Expired, expiring soon, revoked, and two secrets for a time: the list says each in words."""
    now = SYSTEM_CLOCK.now()
    path = f"{practice.path}/keys"

    async def made(name: str, in_s: float) -> str:
        end = (now + timedelta(seconds=in_s)).isoformat()
        body = {"name": name, "permissions": {"patient": "read"}, "expires_at": end}
        return str((await world.done("POST", path, practice.owner, body))["key"]["key_id"])

    expired, _, revoked = await asyncio.gather(made("Over", 2), made("Soon", 86_400), made("Gone", 9e6))
    await world.done("DELETE", f"{path}/{revoked}", practice.owner)
    await world.done("POST", f"{practice.key_path}/rotate", practice.owner, {"overlap_s": 3600})

    async def is_over() -> bool:
        key = await world.done("GET", f"{path}/{expired}", practice.owner)
        return bool(key["state"] == "expired")

    await eventually(is_over)
    page = await office.signed_in(owner, HOME)
    for name, *said in (
        ("Over", "Expired", "Give it a later end to use it again."),
        ("Soon", "Expires soon", "Expires soon, on"),
        ("Gone", "Revoked", "for ever."),
        ("Key", "Active", "Two secrets work: the old one until"),
    ):
        row = page.get_by_role("listitem").filter(has=page.get_by_role("link", name=re.compile(f"^{name}")))
        for each in said:
            await expect(row).to_contain_text(each)
    await follow(page, "Gone")
    await page.goto(f"{page.url}/edit")
    await expect(page.get_by_role("status").filter(has_text="This key is revoked, for ever.")).to_be_focused()


async def test_hundred_keys(office: Desk, owner: str, world: World, practice: Practice) -> None:
    """A hundred keys are all listed; one more is refused by a sentence, and the form kept."""
    path = f"{practice.path}/keys"
    bodies = ({"name": f"Number {number}", "permissions": {"patient": "read"}} for number in range(99))
    await asyncio.gather(*(world.done("POST", path, practice.owner, body) for body in bodies))
    terms = "step=summary&name=One+more&who=any&may-patient=read"
    page = await office.signed_in(owner, f"{HOME}/keys/new?{terms}")
    await press(page, "Create key")
    await expect(page.get_by_role("alert")).to_contain_text("as many keys as it may have")
    await expect(main_of(page)).to_contain_text("One more")
    await page.goto(office.console + HOME)
    await expect(main_of(page)).to_contain_text("On. 100 keys can be used.")
    await expect(page.locator("ul.keys > li")).to_have_count(100)
    await follow(page, "Stop all keys")
    await expect(main_of(page)).to_contain_text("This revokes 100 keys at once.")


async def test_beyond_what_is_kept(office: Desk, owner: str) -> None:
    """A range of more than 90 days: the page says how much the log keeps, and shows that."""
    page = await office.signed_in(owner)
    for asked in ("range=365d", "day=2020-01-01"):
        await page.goto(f"{office.console}{HOME}/activity?{asked}")
        await wait_for_heading(page, "Activity")
        await expect(main_of(page)).not_to_contain_text("Not known")
        await expect(main_of(page)).to_contain_text("The log keeps 90 days. This shows all that there is.")
        await expect(page.get_by_role("link", name="90 days")).to_have_attribute("aria-current", "true")


async def test_too_many(office: Desk, stack: RunningStack, world: World, practice: Practice) -> None:
    """Whoever asks too often is told how many seconds to wait."""
    busy = Claims(role="owner", sub="busy", account_id=practice.account_id)
    none = f"{practice.path}/keys/key_000000000000"

    async def fail_too_often() -> None:
        await asyncio.gather(*(world.ask("registry", "GET", none, busy) for _ in range(61)))

    page = await office.signed_in(owner_of(stack, practice, "busy"), HOME)
    await wait_for_heading(page, "API integrations")
    await fail_too_often()
    await page.reload()
    await wait_for_heading(page, "Too many requests")
    await expect(main_of(page)).to_contain_text(re.compile(r"Try again in \d+ seconds?\."))
    await expect(page.get_by_role("link", name="Try again")).to_be_visible()
    await page.goto(f"{office.console}/sign-in")
    await fail_too_often()
    await press(page, f"Continue as {owner_of(stack, practice, 'busy')}")
    await wait_for_heading(page, "Too many requests")
    await office.signed_in(owner_of(stack, practice), HOME)


async def test_not_yours(office: Desk, owner: str, world: World, practice: Practice) -> None:
    """A page that is not allowed says who one is; another practice's key looks like none."""
    other = await world.practice(practice.vendor)
    page = await office.signed_in(owner, "/operations")
    await wait_for_heading(page, "Not allowed")
    await expect(main_of(page)).to_contain_text("You are signed in as owner.")
    said = []
    for path in (page_of(other), f"{HOME}/keys/key_000000000000", "/nowhere"):
        await page.goto(office.console + path)
        await wait_for_heading(page, "Not found")
        said.append(await main_of(page).inner_text())
    assert len(set(said)) == 1


async def test_times(browser: Browser, stack: RunningStack, owner: str, practice: Practice) -> None:
    """Times are in the reader's own zone from the first page on, with UTC in their titles."""
    async with desk(browser, stack.url("console"), timezone_id="Asia/Kolkata") as at:
        await at.context.clear_cookies(name="keyfold-zone")
        page = await at.signed_in(owner, page_of(practice))
        created = page.locator("dt:has-text('Created') + dd time")
        shown = await created.get_attribute("title") or ""
        hour, minute = map(int, shown.split()[1].split(":")[:2])
        local = (hour * 60 + minute + 330) % 1440
        await expect(created).to_contain_text(f", {local // 60:02}:{local % 60:02}")
