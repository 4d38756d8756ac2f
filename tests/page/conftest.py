"""One stack and one browser for all tests of pages; each test has practices and people of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from playwright.async_api import Browser, async_playwright

from tests.acceptance.running import RunningStack, running
from tests.acceptance.world import Practice, VendorWithKey, World
from tests.page.browsers import Desk, chromium, desk, let_in

pytestmark = pytest.mark.debian("chromium")


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningStack]:
    """A stack of `keyfold up`."""
    async with running(tmp_path_factory.mktemp("pages")) as stack:
        yield stack


@pytest.fixture(scope="session")
async def world(stack: RunningStack) -> AsyncIterator[World]:
    """Everybody who speaks to the stack over HTTP."""
    async with aiohttp.ClientSession() as session:
        yield World(stack, session)


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
async def vendor(world: World) -> VendorWithKey:
    """An approved vendor that no test changes."""
    return await world.vendor()


@pytest.fixture
async def practice(world: World, vendor: VendorWithKey) -> Practice:
    """A practice of the test's own; its key writes appointments and reads patients."""
    return await world.practice(vendor)


@pytest.fixture
def owner(stack: RunningStack, practice: Practice) -> str:
    """The name under which the sign-in page lets the practice's owner in."""
    claims = {"role": "owner", "sub": "oscar", "account_id": practice.account_id}
    return let_in(stack, f"owner of {practice.account_id}", claims)
