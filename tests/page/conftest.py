"""One stack and one browser for all tests of pages; each test has its own practices and people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import aiohttp
import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.support.eventually import WITHIN_S
from tests.support.page.browsers import Desk, chromium, desk
from tests.support.page.people import owner_of
from tests.support.stack.running import RunningStack, running
from tests.support.stack.world import Practice, VendorWithKey, World

pytestmark = pytest.mark.debian("chromium-headless-shell")

# Of one caller in a minute, so that a test need not make many.
FEW_FAILURES: Final = {"KEYFOLD_FAILURES_PER_MINUTE": "60"}

expect.set_options(timeout=WITHIN_S * 1000)  # costs nothing where it is not needed, as there


@pytest.fixture(scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningStack]:
    """A stack of `keyfold up`."""
    async with running(tmp_path_factory.mktemp("pages"), FEW_FAILURES) as stack:
        yield stack


@pytest.fixture(scope="package")
async def world(stack: RunningStack) -> AsyncIterator[World]:
    """Everybody who calls the stack over HTTP."""
    async with aiohttp.ClientSession() as session:
        yield World(stack, session)


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright, chromium(playwright) as browser:
        yield browser


@pytest.fixture
async def office(browser: Browser, stack: RunningStack) -> AsyncIterator[Desk]:
    """A browser with scripts; at the end no page has broken its own policy."""
    async with desk(browser, stack.url("console")) as made:
        yield made
        assert made.complaints == []


@pytest.fixture
async def elsewhere(browser: Browser, stack: RunningStack) -> AsyncIterator[Desk]:
    """Somebody else's browser."""
    async with desk(browser, stack.url("console")) as made:
        yield made
        assert made.complaints == []


@pytest.fixture(scope="package")
async def vendor(world: World) -> VendorWithKey:
    """An approved vendor that no test changes."""
    return await world.vendor()


@pytest.fixture
async def practice(world: World, vendor: VendorWithKey) -> Practice:
    """A practice of the test's own; its key writes appointments and reads patients."""
    return await world.practice(vendor)


@pytest.fixture
def owner(stack: RunningStack, practice: Practice) -> str:
    """The name with which the sign-in page lets the practice's owner in."""
    return owner_of(stack, practice)
