"""Every view: nothing keeps people out of it, is wider than a small screen, or breaks the policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from tests.support.page.browsers import Desk, desk, wait_for_heading, wait_for_rest
from tests.support.page.views import EVERYBODY, Scene, View, scene
from tests.support.stack.running import RunningStack
from tests.support.stack.world import World

pytestmark = pytest.mark.debian("chromium-headless-shell")

NARROW: Final = 320
STANDARD: Final[Mapping[str, Any]] = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "rules": {"target-size": {"enabled": True}},
}
# All else is the same in the dark.
COLOURS: Final[Mapping[str, Any]] = {"runOnly": ["color-contrast"]}


@pytest.fixture(scope="module")
async def made(world: World, stack: RunningStack) -> Scene:
    """Everything that can be seen."""
    return await scene(world, stack)


@pytest.mark.parametrize("who", EVERYBODY)
async def test_every_view(made: Scene, browser: Browser, stack: RunningStack, who: str) -> None:
    """axe finds nothing in anybody's views, light or dark; none is wider than 320 px or breaks its policy."""
    size = {"width": NARROW, "height": 800}
    async with desk(browser, stack.url("console"), viewport=size, reduced_motion="reduce") as at:
        if who:
            await at.sign_in(made.names[who])
        assert await faults_of(at, [view for view in made.views() if view.who == who]) == []


async def faults_of(at: Desk, views: Sequence[View]) -> list[str]:
    """Return what is wrong with somebody's views."""
    found: list[str] = []
    page = await at.tab()  # one for all, for another one is dear
    for view in views:
        await page.goto(at.console + view.path)
        await view.steps(page)
        await wait_for_heading(page, view.heading)
        await wait_for_rest(page)
        found += [f"{view.name}: {each}" for each in [*await faults_of_page(page), *at.complaints]]
        at.complaints.clear()
        if await page.locator("[data-once]").count():  # it asks before it is left
            await page.close()
            page = await at.tab()
    return found


async def faults_of_page(page: Page) -> list[str]:
    """Return what is wrong with a page as it is now."""
    await page.evaluate(Axe().axe_script)
    await page.emulate_media(color_scheme="light")
    width = await page.evaluate("document.documentElement.scrollWidth")
    broken = await axe(page, STANDARD)
    await page.emulate_media(color_scheme="dark")
    dark = [f"dark {each}" for each in await axe(page, COLOURS)]
    return [*broken, *dark, *([f"it is {width} px wide"] if width > NARROW else [])]


async def axe(page: Page, options: Mapping[str, Any]) -> list[str]:
    """Return what axe finds; its script is in the page."""
    found = await page.evaluate("options => axe.run(options)", {**options, "resultTypes": ["violations"]})
    return [
        f"{each['id']}: {each['help']} {[node['target'] for node in each['nodes']]}"
        for each in found["violations"]
    ]
