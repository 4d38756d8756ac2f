"""Steps that several tests take on an owner's pages of keys."""

from __future__ import annotations

import re
from typing import Final

from playwright.async_api import Page, expect

from tests.support.page.browsers import press, wait_for_heading
from tests.support.stack.world import Practice, VendorWithKey

HOME: Final = "/settings/integrations/api"


def page_of(practice: Practice) -> str:
    """Return the address of the page of a practice's key."""
    return f"{HOME}/keys/{practice.key_id}"


async def choose(page: Page, vendor: VendorWithKey) -> None:
    """Choose an integration in a key's form; if there are many, search for it first."""
    if await page.get_by_label("Find an integration").count():
        await page.get_by_label("Find an integration").fill(vendor.name)
        await press(page, "Find")
        await expect(page.get_by_label("Find an integration")).to_have_value(vendor.name)
    await page.get_by_role("checkbox", name=vendor.name, exact=True).check()


async def grant(page: Page, category: str, access: str) -> None:
    """Give a key in its form access to a category."""
    await page.get_by_role("group", name=category).get_by_role("radio", name=access).check()


async def read_secret(page: Page) -> str:
    """Return the secret that the page shows, once it does."""
    await wait_for_heading(page, "Copy your key now")
    field = page.get_by_role("textbox", name="The key's secret")
    await expect(field).to_have_attribute("readonly", "")
    await expect(field).to_have_value(re.compile(r"kf[sv]_(live|test)_\w+"))
    return await field.input_value()
