"""People with a login at the provider, each with a browser of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, Page, expect

from keyfold.console.browser.session import Session
from tests.page.provider.running import Platform
from tests.support.page.browsers import ZONE, Desk, desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody with a login, at one of the consoles."""

    platform: Platform
    desk: Desk
    login: str
    console: str

    async def signs_in(self, path: str = "/") -> Page:
        """Open a page of the console, and sign in at the provider on the way to it."""
        page = await self.desk.open(path)
        await page.get_by_role("button", name="Continue").click()
        await at_provider(page, self.login)
        await page.wait_for_url(f"{self.desk.console}/**")
        return page

    async def session(self) -> Session:
        """Return the session that the browser keeps."""
        session = await self.platform.session(self.desk.context, self.console)
        assert session is not None
        return session

    async def asks(
        self, method: str, path: str, body: object = None, *, service: str = "registry"
    ) -> tuple[int, Any]:
        """Ask a service with the person's own token; return the status and the answer."""
        return await self.platform.ask((await self.session()).token, method, path, body, service=service)


@asynccontextmanager
async def at_desk(
    platform: Platform, browser: Browser, login: str, console: str = "console-0"
) -> AsyncIterator[Member]:
    """Give somebody a browser at a console."""
    async with desk(browser, platform.url(console)) as made:
        # Else a page is loaded twice the first time, and who counts renewals counts that one too.
        await made.context.add_cookies(
            [{"name": "keyfold-zone", "value": ZONE, "url": platform.url(console)}]
        )
        # The provider's own pages have fonts from elsewhere.
        await made.context.route("https://**", lambda route: route.abort())
        yield Member(platform=platform, desk=made, login=login, console=console)


async def at_provider(page: Page, login: str) -> None:
    """Sign in at the provider."""
    await page.locator("input[name=login]").fill(login)
    await page.locator("input[name=password]").fill("any")
    await page.get_by_role("button", name="Sign-in").click()


async def shows(page: Page, heading: str) -> None:
    """Wait for a page with this heading."""
    await expect(page.get_by_role("heading", level=1)).to_have_text(heading)
