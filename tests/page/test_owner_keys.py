"""An owner's keys from the first to the last: added, shown once, viewed, changed, rotated, stopped."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Dialog, Page, expect

from tests.support.page.browsers import Desk, follow, main_of, press, wait_for_heading
from tests.support.page.keys import HOME, choose, grant, page_of, read_secret
from tests.support.stack.running import RunningStack, freeze
from tests.support.stack.world import Practice, VendorWithKey, World

pytestmark = pytest.mark.debian("chromium-headless-shell")


async def test_switch(office: Desk, owner: str, world: World, practice: Practice) -> None:
    """The switch says its position, who turned it and what off does; turned off, it stops every key."""
    page = await office.signed_in(owner, HOME)
    switch = page.get_by_role("switch", name="Enable API integrations")
    await expect(switch).to_be_checked()
    await expect(switch).to_have_accessible_description(
        re.compile(r"On\. 1 key can be used\. Turned on by oscar, .*Off stops every key at once")
    )
    await switch.click()
    await expect(page.get_by_role("status").filter(has_text="API integrations are off.")).to_be_focused()
    await expect(switch).not_to_be_checked()
    await expect(main_of(page)).to_contain_text("Off. No key can be used.")
    await world.settled()
    assert (await world.request("GET", "/v1/patient/7", practice.keys)).reasons == ["integrations_disabled"]
    await switch.click()
    await expect(main_of(page)).to_contain_text("On. 1 key can be used.")
    await world.settled()
    assert (await world.request("GET", "/v1/patient/7", practice.keys)).status == 200


async def test_add(office: Desk, owner: str, world: World, practice: Practice, vendor: VendorWithKey) -> None:
    """A key is added in three steps, and what it will do is said in a sentence before it is made."""
    page = await office.signed_in(owner, HOME)
    await follow(page, "Add key")
    await wait_for_heading(page, "Add an API key")
    await press(page, "Continue")
    await expect(page.get_by_label("Name", exact=True)).to_be_focused()
    await expect(page.get_by_role("alert")).to_contain_text("Give the key a name")
    await page.get_by_label("Name", exact=True).fill("Recalls")
    await choose(page, vendor)
    await page.get_by_label("Expires").fill("2030-06-01")
    await press(page, "Continue")
    await expect(page.get_by_role("radio", name="No access", checked=True)).to_have_count(7)
    await press(page, f"Read what {vendor.name} applied for")
    await expect(page.get_by_role("radio", name="Read", checked=True)).to_have_count(2)
    await grant(page, "Appointments", "Write")
    await expect(
        page.get_by_role("group", name="Clinical notes").get_by_role("radio", name="Write")
    ).to_have_accessible_description(re.compile("Take care"))
    await press(page, "Continue")
    await expect(main_of(page)).to_contain_text(
        f"{vendor.name} will be able to read patients and change appointments, until 1 June 2030."
    )
    await page.go_back()
    await expect(page.get_by_role("radio", name="Write", checked=True)).to_have_count(1)
    await page.go_forward()
    await press(page, "Create key")
    secret = await read_secret(page)
    await world.settled()
    keys = (("x-api-key", vendor.secret), ("A-api-key", secret))
    assert (await world.request("POST", "/v1/appointment", keys)).status == 200
    assert (await world.request("POST", "/v1/patient", keys)).reasons == ["read_only"]


async def test_secret_once(office: Desk, owner: str, practice: Practice) -> None:
    """A new secret has the focus, is copied and announced, asks before it is left, and is shown only once."""
    await office.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=office.console)
    page = await office.signed_in(owner, f"{page_of(practice)}/rotate")
    asked: list[str] = []

    async def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.dismiss()

    page.on("dialog", stay)
    await press(page, "Rotate key")
    secret = await read_secret(page)
    await expect(page.get_by_label("The key's secret")).to_be_focused()
    assert await page.evaluate("getSelection().toString()") == secret
    await expect(main_of(page)).to_contain_text("never send it by open e-mail")
    await expect(page.locator("pre")).to_contain_text(f"A-api-key: {secret}")
    await press(page, "Copy key")
    await expect(page.get_by_role("status").filter(has_text="Copied")).to_be_attached()
    assert await page.evaluate("navigator.clipboard.readText()") == secret
    await page.get_by_role("navigation").get_by_role("link", name="Activity").click()
    await press(page, "Sign out")
    assert asked == ["beforeunload"] * 2
    await wait_for_heading(page, "Copy your key now")
    await press(page, "I have stored it")
    await page.wait_for_url(f"**{page_of(practice)}*")
    await expect(main_of(page)).to_contain_text("Two secrets work: the old one until")
    await page.go_back()
    await wait_for_heading(page, "Shown once")
    await page.reload()
    await wait_for_heading(page, "Shown once")
    assert secret not in await page.content()
    assert len(asked) == 2


async def test_refused_clipboard(office: Desk, owner: str, practice: Practice) -> None:
    """If the browser refuses to copy, the page says so, and leaves the secret selected."""
    page = await office.signed_in(owner, f"{page_of(practice)}/rotate")
    await press(page, "Rotate key")
    secret = await read_secret(page)
    await page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    await press(page, "Copy key")
    await expect(page.get_by_role("status").filter(has_text="Not copied")).to_be_attached()
    await expect(page.get_by_label("The key's secret")).to_be_focused()
    assert await page.evaluate("getSelection().toString()") == secret
    await expect(page.get_by_text("Copied", exact=True)).to_have_count(0)


async def test_edit(office: Desk, owner: str, world: World, practice: Practice) -> None:
    """The difference, and what it would have refused, are shown before saving; the history keeps both."""
    for _ in range(3):
        await world.request("GET", "/v1/patient/7", practice.keys)
    await world.whole_log(practice)
    page = await office.signed_in(owner, page_of(practice))
    row = page.get_by_role("row").filter(has_text="Patients")
    await expect(row).to_contain_text("used 3 times in 30 days")
    await expect(page.get_by_role("row").filter(has_text="Appointments")).to_contain_text("never used")
    await follow(page, "Edit")
    await wait_for_heading(page, "Edit key")
    await grant(page, "Patients", "No access")
    await grant(page, "Financial", "Read")
    await press(page, "Continue")
    await expect(main_of(page)).to_contain_text("It will no longer be able to read patients.")
    await expect(main_of(page)).to_contain_text("It will be able to read financial data; so far it was not.")
    await expect(main_of(page)).to_contain_text("it would have refused 3.")
    await press(page, "Save changes")
    await expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_focused()
    change = page.get_by_role("listitem").filter(has_text="oscar (owner)").first
    await expect(change).to_contain_text(re.compile(r"Patients.*Read.*became.*No access", re.DOTALL))
    await world.settled()
    assert (await world.request("GET", "/v1/patient/7", practice.keys)).reasons == ["category_denied"]


async def test_rotate(office: Desk, owner: str, world: World, practice: Practice) -> None:
    """The old secret goes on working for a day unless somebody chooses otherwise, and so does the new one."""
    page = await office.signed_in(owner, page_of(practice))
    await follow(page, "Rotate")
    await wait_for_heading(page, "Rotate key")
    await expect(page.get_by_role("radio", checked=True)).to_have_accessible_name("1 day")
    await expect(page.get_by_role("radio")).to_have_count(4)
    await page.get_by_role("radio", name="7 days").check()
    await press(page, "Rotate key")
    secret = await read_secret(page)
    await world.settled()
    for each in (secret, practice.secret):
        keys = (("x-api-key", practice.vendor.secret), ("A-api-key", each))
        assert (await world.request("GET", "/v1/patient/7", keys)).status == 200


async def test_revoke(
    office: Desk, owner: str, stack: RunningStack, world: World, practice: Practice
) -> None:
    """Nothing is called stopped while a gatekeeper does not know it; Cancel has the focus."""
    page = await office.signed_in(owner, page_of(practice))
    await follow(page, "Revoke key")
    await wait_for_heading(page, "Revoke this key?")
    await expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    await expect(main_of(page)).to_contain_text("This is for ever.")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{page_of(practice)}")
    await follow(page, "Revoke key")
    with freeze(stack.pid("gatekeeper")):
        await press(page, "Revoke key")
        said = page.get_by_role("heading", level=2)
        await expect(said).to_have_text("Revoked. Confirming everywhere…")
        await expect(said).to_be_focused()
        async with page.expect_response("**/revoke") as answered:
            pass
        assert (await answered.value).status == 204
        await expect(said).to_have_text("Revoked. Confirming everywhere…")
    await expect(said).to_have_text("Stopped everywhere")
    await expect(main_of(page)).to_contain_text(re.compile(r"Confirmed after \d+\.\d seconds"))
    answer = await world.request("GET", "/v1/patient/7", practice.keys)
    assert answer.reasons == ["subscriber_key_revoked"]
    await follow(page, "Go to the key")
    await expect(main_of(page)).to_contain_text("Revoked on")
    await expect(page.get_by_role("link", name="Edit")).to_have_count(0)


async def test_stop_all(office: Desk, owner: str, world: World, practice: Practice) -> None:
    """Every key of the practice is stopped at once."""
    other = await world.another_key(practice, {"patient": "read"})
    page = await office.signed_in(owner, HOME)
    await follow(page, "Stop all keys")
    await wait_for_heading(page, "Stop all keys")
    await expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    await expect(main_of(page)).to_contain_text("This revokes 2 keys at once.")
    await press(page, "Stop all keys")
    await expect(page.get_by_role("heading", level=2)).to_have_text("Stopped everywhere")
    for each in (practice, other):
        answer = await world.request("GET", "/v1/patient/7", each.keys)
        assert answer.reasons == ["subscriber_key_revoked"]
    await follow(page, "Go to all keys")
    await expect(page.get_by_text("Revoked", exact=True)).to_have_count(2)
    await expect(page.get_by_role("link", name="Stop all keys")).to_have_count(0)


async def test_try(office: Desk, owner: str, practice: Practice) -> None:
    """A request is tried without sending it: would it pass, why not, what to change, and who can."""
    page = await office.signed_in(owner, page_of(practice))
    await page.get_by_label("Integration").select_option(label=practice.vendor.name)
    await _try(page, "GET", "/v1/patient/7")
    await expect(page.locator("#try")).to_contain_text("It would pass. It reads patients.")
    await _try(page, "DELETE", "/v1/patient/7")
    answer = page.locator("#try")
    await expect(answer).to_contain_text("It would be refused. The key may read this data and not change it.")
    await expect(answer).to_contain_text("Give the key Write for Patients. You can do this.")


async def _try(page: Page, method: str, path: str) -> None:
    await page.get_by_label("Method").select_option(method)
    await page.get_by_label("Path").fill(path)
    await press(page, "Try")
