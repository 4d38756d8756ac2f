"""Services that do not answer: what is not known is called so, and what is possible without them is done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from playwright.async_api import Page, expect

from tests.support.eventually import eventually
from tests.support.page.browsers import Desk, main_of, press, wait_for_heading
from tests.support.page.keys import HOME, grant, page_of
from tests.support.stack.running import RunningStack, freeze
from tests.support.stack.world import Practice, World

pytestmark = pytest.mark.debian("chromium-headless-shell")


async def opened(office: Desk, paths: Sequence[str]) -> list[Page]:
    """Open pages at the same time, as each waits until the silent service's time is up."""
    return await asyncio.gather(*(office.open(path) for path in paths))


async def test_audit(office: Desk, owner: str, stack: RunningStack, practice: Practice) -> None:
    """Without the access log keys are managed as usual, and each page says what is missing."""
    await office.signed_in(owner, "/")
    key = page_of(practice)
    terms = "name=Meanwhile&who=any&may-patient=read"
    with freeze(stack.pid("audit")):
        home, page, activity, review, revoke, made = await opened(
            office,
            [
                HOME,
                key,
                f"{HOME}/activity",
                f"{key}/edit?step=review&version=1&{terms}",
                f"{key}/revoke",
                f"{HOME}/keys/new?step=summary&{terms}",
            ],
        )
        await expect(main_of(home)).to_contain_text("the service that keeps the access log is not heard")
        await expect(main_of(home)).to_contain_text("Never used")
        await expect(main_of(page)).to_contain_text("the service that keeps the access log is not heard")
        await expect(page.get_by_role("row").filter(has_text="Patients")).to_contain_text("not known")
        await expect(main_of(activity)).to_contain_text("Up to when this log is whole is not known.")
        await expect(main_of(activity)).to_contain_text("Keys can be managed all the same.")
        await expect(main_of(review)).to_contain_text("would have refused is not known.")
        await expect(revoke.get_by_role("button", name="Revoke key")).to_be_enabled()
        await press(made, "Create key")
        await wait_for_heading(made, "Copy your key now")
        await press(review, "Save changes")
        await expect(review.get_by_role("heading", level=1)).to_have_text("Meanwhile")


async def test_gatekeeper(office: Desk, owner: str, stack: RunningStack, practice: Practice) -> None:
    """Without a gatekeeper nothing is said to pass, or to be stopped: it is done, and not confirmed yet."""
    page, revoke = await asyncio.gather(
        office.signed_in(owner, page_of(practice)), office.signed_in(owner, f"{page_of(practice)}/revoke")
    )
    await page.get_by_label("Path").fill("/v1/patient/7")
    with freeze(stack.pid("gatekeeper")):
        await press(page, "Try")
        await press(revoke, "Revoke key")
        said = revoke.get_by_role("heading", level=2)
        await expect(said).to_have_text("Revoked. Confirming everywhere…")
        # As if half a minute had gone by.
        await revoke.locator("[name=began]").evaluate("each => { each.value = '2026-01-01T00:00:00+00:00' }")
        await expect(said).to_have_text("Revoked, not confirmed yet")
        await expect(main_of(revoke)).to_contain_text("a request may still pass there")
        await expect(page.locator("#try")).to_contain_text("the service that decides requests is not heard")
    await press(revoke, "Check again")
    await expect(said).to_have_text("Stopped everywhere")


async def test_registry(office: Desk, owner: str, stack: RunningStack, practice: Practice) -> None:
    """Without the registry a page says that keys go on working; a sent form is kept, and may be done."""
    page = await office.signed_in(owner, f"{page_of(practice)}/edit")
    await grant(page, "Files", "Read")
    with freeze(stack.pid("registry")):
        await press(page, "Continue")
        (home,) = await opened(office, [HOME])
        await wait_for_heading(home, "Not available")
        await expect(main_of(home)).to_contain_text("Keys go on working as they are.")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Not available")
    await main_of(page).get_by_role("link", name="Try again").click()
    await wait_for_heading(page, "Edit key")
    await expect(page.get_by_role("group", name="Files").get_by_role("radio", name="Read")).to_be_checked()
    await main_of(home).get_by_role("link", name="Try again").click()
    await wait_for_heading(home, "API integrations")


async def test_projection(
    office: Desk, owner: str, stack: RunningStack, world: World, practice: Practice
) -> None:
    """While the read model is behind, what was changed is shown as the ledger has it."""
    page, home, new = await asyncio.gather(
        office.signed_in(owner, f"{page_of(practice)}/edit?step=review&version=1&name=Late&who=any"),
        office.signed_in(owner, HOME),
        office.signed_in(owner, f"{HOME}/keys/new?step=summary&name=New&who=any"),
    )
    with freeze(stack.pid("projection")):
        await press(page, "Save changes")
        await wait_for_heading(page, "Late")
        await press(new, "Create key")
        await press(new, "I have stored it")
        await wait_for_heading(new, "New")
        await home.get_by_role("switch").click()
        await expect(home.get_by_role("status").filter(has_text="API integrations are off.")).to_be_focused()

    async def is_through() -> bool:
        return bool((await world.done("GET", practice.key_path, practice.owner))["name"] == "Late")

    await eventually(is_through)
    await page.reload()
    await wait_for_heading(page, "Late")
    await new.reload()
    await wait_for_heading(new, "New")
