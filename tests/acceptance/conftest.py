"""One stack for all stories, each with people, practices and keys of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.support.stack.running import STOP_TIMEOUT_S, RunningStack, running
from tests.support.stack.world import Practice, VendorWithKey, World


@pytest.fixture(scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningStack]:
    """A stack of `keyfold up`; that it stops in time and leaves nothing behind is checked at the end."""
    async with running(tmp_path_factory.mktemp("stack")) as stack:
        yield stack
        assert await stack.stop() < STOP_TIMEOUT_S


@pytest.fixture(scope="package")
async def world(stack: RunningStack) -> AsyncIterator[World]:
    """Everybody who speaks to the stack."""
    async with aiohttp.ClientSession() as session:
        yield World(stack, session)


@pytest.fixture(scope="package")
async def vendor(world: World) -> VendorWithKey:
    """An approved vendor that no test changes."""
    return await world.vendor()


@pytest.fixture
async def practice(world: World, vendor: VendorWithKey) -> Practice:
    """A practice of the test's own; its key writes appointments and reads patients."""
    return await world.practice(vendor)
