"""Every view: nothing keeps people out of it, goes beyond a small screen, or breaks the policy."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from tests.acceptance.running import RunningStack
from tests.acceptance.world import World
from tests.page.browsers import desk
from tests.page.views import Scene, scene

pytestmark = pytest.mark.debian("chromium")

STANDARD = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}


@pytest.fixture(scope="module")
async def views(world: World, stack: RunningStack) -> Scene:
    """A scene that no test changes."""
    return await scene(world, stack)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_view(views: Scene, browser: Browser, stack: RunningStack, scheme: str) -> None:
    """axe finds nothing on any view, no view is wider than 320 px, and none breaks its own policy."""
    found: list[str] = []
    for role in ("owner", "vendor", "reviewer", "operator"):
        async with desk(
            browser, stack.url("console"), color_scheme=scheme, viewport={"width": 320, "height": 800}
        ) as at:
            page = await at.signed_in(views.names[role])
            for name, (whose, path) in views.views().items():
                if whose == role:
                    await page.goto(at.console + path)
                    found += [f"{name}: {each}" for each in await faults_of(page)]
            at.complaints[:] = [each for each in at.complaints if "status of 40" not in each]
            found += [f"{role}: {each}" for each in at.complaints]
    assert found == []


async def faults_of(page: Page) -> list[str]:
    """Return what is wrong with a page as it stands."""
    results = await Axe().run(page, options=STANDARD)
    broken = [
        f"{each['id']}: {each['help']} {[node['target'] for node in each['nodes']]}"
        for each in results.response["violations"]
    ]
    width = await page.evaluate("document.documentElement.scrollWidth")
    return [*broken, *([f"it is {width} px wide"] if width > 320 else [])]
