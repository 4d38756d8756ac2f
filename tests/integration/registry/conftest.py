"""What the registry's tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.registry.office import Office, office_of
from tests.support.registry.serving import Registry, serving


@pytest.fixture
async def registry(database: str) -> AsyncIterator[Registry]:
    """A registry with a ledger of the test's own."""
    async with serving(database) as running:
        yield running


@pytest.fixture
async def office(database: str, tmp_path: Path) -> AsyncIterator[Office]:
    """A registry with a key and a file, and a ledger of the test's own."""
    async with office_of(database, tmp_path / "checkpoints.ndjson") as office:
        yield office
