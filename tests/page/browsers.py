"""Debian's Chromium before the console of a whole stack, and the people who sit at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from playwright.async_api import Browser, BrowserContext, Page, Playwright

from services.cli.local.people import FILE_NAME
from tests.acceptance.running import RunningStack
from tests.debian import program

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
    """Open a browser without a window."""
    browser = await playwright.chromium.launch(executable_path=program("chromium"), args=list(FLAGS))
    yield browser
    await browser.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Somebody's browser: every page that it opens is watched for what a policy or a script complains of."""

    console: str
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str) -> Page:
        """Open a page of the console."""
        page = await self.context.new_page()
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        await page.goto(self.console + path)
        return page

    async def signed_in(self, name: str, path: str = "") -> Page:
        """Sign in as one of the stack's people, and go on to a page."""
        page = await self.open("/sign-in")
        await page.get_by_role("button", name=f"Continue as {name}", exact=True).click()
        await page.wait_for_url(lambda url: "/sign-in" not in url)
        if path:
            await page.goto(self.console + path)
        return page


@asynccontextmanager
async def desk(browser: Browser, console: str, **options: Any) -> AsyncIterator[Desk]:
    """Give somebody a browser of their own; `options` are those of a context of Playwright's."""
    chosen: Mapping[str, Any] = {"viewport": {"width": 1280, "height": 900}, "timezone_id": ZONE, **options}
    context = await browser.new_context(**chosen)
    context.set_default_timeout(NAVIGATION_TIMEOUT_MS)
    made = Desk(console=console, context=context)
    yield made
    await context.close()


def let_in(stack: RunningStack, name: str, claims: Mapping[str, object]) -> str:
    """Add a person to those whom the stack's sign-in page offers; returns the name."""
    path: Path = stack.state_dir / FILE_NAME
    content = orjson.loads(path.read_bytes())
    content["people"] = [
        *(each for each in content["people"] if each["name"] != name),
        {"name": name, "claims": claims},
    ]
    path.write_bytes(orjson.dumps(content))
    return name
