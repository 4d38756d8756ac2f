"""One stack for all stories, each of which has its own people, practices and keys."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.support.stack.running import STOP_TIMEOUT_S, RunningStack, running
from tests.support.stack.world import Practice, VendorWithKey, World


@pytest.fixture(scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningStack]:
    """A stack of `keyfold up`; at the end it must stop in time and leave nothing behind."""
    async with running(tmp_path_factory.mktemp("stack")) as stack:
        yield stack
        assert await stack.stop() < STOP_TIMEOUT_S


@pytest.fixture(scope="package")
async def world(stack: RunningStack) -> AsyncIterator[World]:
    """Everybody who calls the stack."""
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
