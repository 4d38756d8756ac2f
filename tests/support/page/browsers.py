"""Debian's Chromium before the console of a whole stack, and the people who use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Playwright, expect

from keyfold.local.people import FILE_NAME
from tests.support.debian import program
from tests.support.stack.running import RunningStack

FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ZONE: Final = "Australia/Sydney"
NAVIGATION_TIMEOUT_MS: Final = 20_000


@asynccontextmanager
async def chromium(playwright: Playwright) -> AsyncIterator[Browser]:
    """Open a headless browser."""
    browser = await playwright.chromium.launch(
        executable_path=program("chromium-headless-shell"), args=list(FLAGS)
    )
    yield browser
    await browser.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Somebody's browser; each of its pages is watched for violations of a policy and errors of scripts."""

    console: str
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str) -> Page:
        """Open a page of the console."""
        page = await self.tab()
        await page.goto(self.console + path)
        return page

    async def tab(self) -> Page:
        """Return an empty page."""
        page = await self.context.new_page()
        page.on("console", lambda said: self._listen(said))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _listen(self, said: ConsoleMessage) -> None:
        # That a page was answered with 404 or 503 is what tests ask for; a file of ours is always there.
        is_page = said.text.startswith("Failed to load resource") and "/static/" not in said.location["url"]
        if said.type == "error" and not is_page:
            self.complaints.append(said.text)

    async def sign_in(self, name: str) -> None:
        """Sign in as one of the stack's people, as its button does, but without the page."""
        form: dict[str, str | float | bool] = {"as": name}
        answer = await self.context.request.post(f"{self.console}/sign-in", form=form, max_redirects=0)
        assert answer.status == 303, await answer.text()

    async def signed_in(self, name: str, path: str = "/") -> Page:
        """Sign in, and open a page."""
        await self.sign_in(name)
        return await self.open(path)


@asynccontextmanager
async def desk(browser: Browser, console: str, **options: Any) -> AsyncIterator[Desk]:
    """Give somebody a browser of their own; `options` are those of Playwright's contexts."""
    chosen: Mapping[str, Any] = {"viewport": {"width": 1280, "height": 900}, "timezone_id": ZONE, **options}
    context = await browser.new_context(**chosen)
    context.set_default_timeout(NAVIGATION_TIMEOUT_MS)
    # As after the first page, which is loaded again for it.
    await context.add_cookies([{"name": "keyfold-zone", "value": ZONE, "url": console}])
    made = Desk(console=console, context=context)
    yield made
    await context.close()


def let_in(stack: RunningStack, name: str, claims: Mapping[str, object]) -> str:
    """Add a person to those on the stack's sign-in page; return the name."""
    path: Path = stack.state_dir / FILE_NAME
    content = orjson.loads(path.read_bytes())
    content["people"] = [
        *(each for each in content["people"] if each["name"] != name),
        {"name": name, "claims": claims},
    ]
    path.write_bytes(orjson.dumps(content))
    return name


async def wait_for_heading(page: Page, heading: str) -> None:
    """Wait until a page has this heading."""
    await expect(page.get_by_role("heading", level=1)).to_have_text(heading)


async def wait_for_rest(page: Page) -> None:
    """Wait until a page has the parts that come after the rest."""
    await expect(page.locator(".later")).to_have_count(0)


def main_of(page: Page) -> Locator:
    """Return the page's main part."""
    return page.get_by_role("main")


async def press(page: Page, name: str) -> None:
    """Press the button with exactly this name."""
    await page.get_by_role("button", name=name, exact=True).click()


async def follow(page: Page, name: str) -> None:
    """Follow the first link with exactly this name in the page's main part."""
    await main_of(page).get_by_role("link", name=name, exact=True).first.click()
