"""People on a stack's sign-in page besides its sample people."""

from __future__ import annotations

from playwright.async_api import Page

from tests.support.page.browsers import let_in
from tests.support.stack.running import RunningStack
from tests.support.stack.world import Practice, VendorWithKey


def owner_of(stack: RunningStack, practice: Practice, sub: str = "oscar") -> str:
    """Let in an owner of a practice; return the name on the button."""
    claims = {"role": "owner", "sub": sub, "account_id": practice.account_id}
    return let_in(stack, f"{sub}, owner of {practice.account_id}", claims)


def developer_of(stack: RunningStack, vendor: VendorWithKey) -> str:
    """Let in a developer who acts for a vendor."""
    claims = {"role": "vendor", "sub": vendor.applicant, "vendor_id": vendor.vendor_id}
    return let_in(stack, f"developer of {vendor.vendor_id}", claims)


def newcomer(stack: RunningStack, sub: str, role: str | None = None) -> str:
    """Let in a login that is not bound to anything yet."""
    return let_in(stack, sub, {"sub": sub, **({} if role is None else {"role": role})})


async def fill_application(page: Page, name: str) -> None:
    """Fill in a developer's application."""
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Contact e-mail").fill("dora@vendor.example")
    await page.get_by_label("Website").fill("https://vendor.example")
    await page.get_by_label("Intended use").fill("Reminds patients.")
    await page.get_by_label("Patients").check()
