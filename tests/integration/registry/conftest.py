"""What the registry's tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.registry.serving import Registry, serving


@pytest.fixture
async def registry(database: str) -> AsyncIterator[Registry]:
    """A registry with a ledger of the test's own."""
    async with serving(database) as running:
        yield running
