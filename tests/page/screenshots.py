"""`make screenshots`: every view of a fresh stack as pictures, wide and narrow, light and dark."""

from __future__ import annotations

import asyncio
import shutil
import sys
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp
from playwright.async_api import Browser, Page, async_playwright

from tests.support.page.browsers import chromium, desk, wait_for_heading, wait_for_rest
from tests.support.page.month import a_month_of_use
from tests.support.page.views import HOME, Scene
from tests.support.stack.running import running
from tests.support.stack.world import World

WIDTHS: Final = (1280, 390)
SCHEMES: Final = ("light", "dark")
README: Final = Path("docs/images/api-integrations.png")


async def main(directory: Path) -> None:
    """Write the pictures into a directory, and README's."""
    with TemporaryDirectory() as home:
        async with running(Path(home)) as stack, aiohttp.ClientSession() as session:
            scene = await Scene(World(stack, session), stack).set_up("Online booking")
            await a_month_of_use(stack.record["postgres"], scene)
            async with async_playwright() as playwright, chromium(playwright) as browser:
                await readme(scene, browser, stack.url("console"))
                await every_view(scene, browser, stack.url("console"), directory)


async def readme(scene: Scene, browser: Browser, console: str) -> None:
    """Write README's picture."""
    async with desk(browser, console, viewport={"width": 1000, "height": 900}) as at:
        page = await at.signed_in(scene.names["owner"], HOME)
        await wait_for_rest(page)
        await page.screenshot(path=README, full_page=True)


async def every_view(scene: Scene, browser: Browser, console: str, directory: Path) -> None:
    """Write every view, under its name."""
    whose = attrgetter("who")
    for who, views in groupby(sorted(scene.views(), key=whose), key=whose):
        async with desk(browser, console) as at:
            if who:
                await (await at.signed_in(scene.names[who])).close()
            for view in views:
                page = await at.open(view.path)
                await view.steps(page)
                await wait_for_heading(page, view.heading)
                await wait_for_rest(page)
                await _pictures(page, directory / view.name)
                await page.close()


async def _pictures(page: Page, path: Path) -> None:
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            await page.screenshot(path=path.with_name(f"{path.name}-{width}-{scheme}.png"), full_page=True)


if __name__ == "__main__":
    pictures = Path(sys.argv[1])
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir(parents=True)
    asyncio.run(main(pictures))
