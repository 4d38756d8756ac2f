"""Every view: nothing keeps people out of it, goes beyond a small screen, or breaks the policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from tests.acceptance.running import RunningStack
from tests.acceptance.world import World
from tests.page.browsers import Desk, desk, headed
from tests.page.views import View, scene

pytestmark = pytest.mark.debian("chromium")

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


async def test_every_view(world: World, browser: Browser, stack: RunningStack) -> None:
    """axe finds nothing on any view, light or dark, none is wider than 320 px or breaks its own policy."""
    made = await scene(world, stack)
    found: list[str] = []
    for who, views in groupby(sorted(made.views(), key=attrgetter("who")), key=attrgetter("who")):
        size = {"width": NARROW, "height": 800}
        async with desk(browser, stack.url("console"), viewport=size, reduced_motion="reduce") as at:
            if who:
                await at.signed_in(made.names[who])
            found += await faults_of(at, list(views))
    assert found == []


async def faults_of(at: Desk, views: Sequence[View]) -> list[str]:
    """Return what is wrong with somebody's views."""
    found: list[str] = []
    for view in views:
        page = await at.open(view.path)
        await view.steps(page)
        await headed(page, view.heading)
        found += [f"{view.name}: {each}" for each in [*await faults_of_page(page), *at.complaints]]
        at.complaints.clear()
        await page.close()
    return found


async def faults_of_page(page: Page) -> list[str]:
    """Return what is wrong with a page as it stands."""
    width = await page.evaluate("document.documentElement.scrollWidth")
    await page.evaluate(Axe().axe_script)
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
