"""`make screenshots`: every view of a fresh stack as pictures, wide and narrow, light and dark."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp
from playwright.async_api import async_playwright

from tests.acceptance.running import running
from tests.acceptance.world import World
from tests.page.browsers import chromium, desk
from tests.page.views import scene

WIDTHS: Final = (1280, 390)
SCHEMES: Final = ("light", "dark")


async def main(directory: Path) -> None:
    """Write the pictures into a directory."""
    with TemporaryDirectory() as home:
        async with running(Path(home)) as stack, aiohttp.ClientSession() as session:
            views = await scene(World(stack, session), stack)
            async with async_playwright() as playwright, chromium(playwright) as browser:
                for width in WIDTHS:
                    for scheme in SCHEMES:
                        for role, name in views.names.items():
                            async with desk(
                                browser,
                                stack.url("console"),
                                color_scheme=scheme,
                                viewport={"width": width, "height": 900},
                            ) as at:
                                page = await at.open("/sign-in")
                                await page.screenshot(path=directory / f"sign-in-{width}-{scheme}.png")
                                page = await at.signed_in(name)
                                for view, (whose, path) in views.views().items():
                                    if whose == role:
                                        await page.goto(at.console + path)
                                        picture = directory / f"{view}-{width}-{scheme}.png"
                                        await page.screenshot(path=picture, full_page=True)


if __name__ == "__main__":
    pictures = Path(sys.argv[1])
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir(parents=True)
    asyncio.run(main(pictures))
