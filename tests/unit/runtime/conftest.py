"""What the tests of HTTP share."""

from collections.abc import AsyncIterator

import pytest

from tests.support.runtime.serving import Client, serving
from tests.support.runtime.things import ROUTES


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    """Serve the things."""
    async with serving(ROUTES) as client:
        yield client
