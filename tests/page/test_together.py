"""Two browsers with one key, forms sent twice, sessions that end in the middle, a login that is shut out."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest
from playwright.async_api import Browser, BrowserContext, expect

from tests.support.page.browsers import Desk, desk, main_of, press, wait_for_heading
from tests.support.page.keys import HOME, choose, grant, page_of, read_secret
from tests.support.page.people import newcomer, owner_of
from tests.support.stack.running import RunningStack
from tests.support.stack.world import OPERATOR, Practice, VendorWithKey, World

pytestmark = pytest.mark.debian("chromium-headless-shell")

_numbers = count(1)


async def test_two_editors(
    office: Desk, elsewhere: Desk, owner: str, stack: RunningStack, world: World, practice: Practice
) -> None:
    """Whoever saves second sees both versions, and chooses: nothing is lost unseen."""
    edit = f"{page_of(practice)}/edit"
    other = owner_of(stack, practice, "olga")
    mine, theirs = await asyncio.gather(office.signed_in(owner, edit), elsewhere.signed_in(other, edit))
    await grant(theirs, "Files", "Read")
    await press(theirs, "Continue")
    await press(theirs, "Save changes")
    await expect(theirs.get_by_role("status").filter(has_text="Saved.")).to_be_focused()

    await mine.get_by_label("Name", exact=True).fill("Mine")
    await press(mine, "Continue")
    await expect(mine.get_by_role("alert")).to_contain_text("Nothing of yours is saved yet")
    await expect(main_of(mine)).to_contain_text("by olga (owner)")
    await expect(mine.get_by_role("region", name="Theirs")).to_contain_text("files")
    await expect(mine.get_by_role("region", name="Yours", exact=True)).to_contain_text("Mine")
    await expect(mine.get_by_role("region", name="What changes if you keep yours")).to_contain_text(
        "It will no longer be able to read files."
    )
    await press(mine, "Keep mine")
    await wait_for_heading(mine, "Mine")

    await theirs.goto(elsewhere.console + edit)
    await mine.goto(office.console + edit)
    for page, name in ((theirs, "Hers"), (mine, "His")):
        await page.get_by_label("Name", exact=True).fill(name)
        await press(page, "Continue")
    await press(theirs, "Save changes")
    await wait_for_heading(theirs, "Hers")
    await press(mine, "Save changes")
    await press(mine, "Take theirs")
    await wait_for_heading(mine, "Hers")
    key = await world.done("GET", practice.key_path, practice.owner)
    assert (key["name"], key["permissions"]["files"]) == ("Hers", "none")


async def test_changed_before_revoking(office: Desk, owner: str, world: World, practice: Practice) -> None:
    """A key that changed after the question is not revoked by the old answer: the page asks again."""
    page = await office.signed_in(owner, f"{page_of(practice)}/revoke")
    await world.done("PATCH", practice.key_path, practice.owner, {"name": "Renamed"})
    await press(page, "Revoke key")
    await expect(page.get_by_role("alert")).to_contain_text("it was not revoked")
    await expect(main_of(page)).to_contain_text("Renamed")
    await press(page, "Revoke key")
    await expect(page.get_by_role("heading", level=2)).to_have_text("Stopped everywhere")


@pytest.mark.parametrize("scripted", [True, False])
async def test_double_click(
    browser: Browser, stack: RunningStack, owner: str, world: World, practice: Practice, scripted: bool
) -> None:
    """A double click makes one key, and shows its secret, with and without scripts."""
    terms = "?step=summary&name=Twice&who=any&may-patient=read"
    async with desk(browser, stack.url("console"), java_script_enabled=scripted) as at:
        page = await at.signed_in(owner, f"{HOME}/keys/new{terms}")
        await page.get_by_role("button", name="Create key").dblclick()
        secret = await read_secret(page)
    keys = (await world.done("GET", f"{practice.path}/keys", practice.owner))["items"]
    assert [key["name"] for key in keys].count("Twice") == 1
    await world.settled()
    sent = (("x-api-key", practice.vendor.secret), ("A-api-key", secret))
    assert (await world.request("GET", "/v1/patient/7", sent)).status == 200


async def test_session_over(office: Desk, owner: str, practice: Practice, vendor: VendorWithKey) -> None:
    """A form that is sent after the session has ended is there again after signing in, and goes on."""
    page = await office.signed_in(owner, f"{HOME}/keys/new")
    await page.get_by_label("Name", exact=True).fill("Half done")
    await choose(page, vendor)
    await page.get_by_label("Expires").fill("2031-02-03")
    await _end_session(office.context)
    await press(page, "Continue")
    await wait_for_heading(page, "Sign in")
    await expect(main_of(page)).to_contain_text("what you had filled in is kept")
    await press(page, f"Continue as {owner}")
    await wait_for_heading(page, "Add an API key")
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Half done")
    await expect(page.get_by_role("checkbox", name=vendor.name, exact=True)).to_be_checked()
    await expect(page.get_by_label("Expires")).to_have_value("2031-02-03")
    await press(page, "Continue")
    await expect(page.get_by_role("heading", name="What may it do?")).to_be_visible()


async def test_session_over_for_a_reviewer(office: Desk, world: World) -> None:
    """Notes that were typed when the session had ended are not lost either, and are saved once."""
    vendor = await world.vendor()
    page = await office.signed_in("reviewer", f"/reviews/{vendor.vendor_id}")
    form = page.get_by_role("group", name="Security review")
    await form.get_by_role("radio", name="Pass").check()
    await form.get_by_label("Notes").fill("Half a thought")
    await _end_session(office.context)
    await press(page, "Record security review")
    await wait_for_heading(page, "Sign in")
    await press(page, "Continue as reviewer")
    await expect(form.get_by_label("Notes")).to_have_value("Half a thought")
    await expect(form.get_by_role("radio", name="Pass")).to_be_checked()
    await press(page, "Record security review")
    await expect(page.get_by_role("cell").filter(has_text="Half a thought")).to_have_count(1)


async def test_shut_out(office: Desk, stack: RunningStack, world: World, practice: Practice) -> None:
    """An owner who was invited and then shut out sees nothing from the next page on."""
    body = {"account_id": practice.account_id}
    code = (await world.done("POST", "/v1/invitations", OPERATOR, body))["code"]
    page = await office.signed_in(newcomer(stack, f"nora-{next(_numbers)}"), f"/invitations/{code}")
    await wait_for_heading(page, "Welcome")
    await press(page, "Accept")
    await wait_for_heading(page, "API integrations")
    at = f"{practice.path}/logins"
    (login,) = (await world.done("GET", at, practice.owner))["items"]
    await world.done("DELETE", f"{at}/{login['login_id']}", practice.owner)
    await page.get_by_role("link", name="Activity").click()
    await wait_for_heading(page, "Welcome")
    await expect(main_of(page)).to_contain_text("this login does not belong to a practice")
    await page.goto(office.console + page_of(practice))
    await wait_for_heading(page, "Not allowed")


async def _end_session(context: BrowserContext) -> None:
    """End a browser's session: its cookie can no longer be opened."""
    (cookie,) = [each for each in await context.cookies() if each["name"] == "__Host-keyfold"]
    await context.add_cookies([{**cookie, "value": "over"}])  # type: ignore[typeddict-item]
