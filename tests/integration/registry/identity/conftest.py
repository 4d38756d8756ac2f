"""What the tests of logins and invitations start from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.registry.door import Door, open_door


@pytest.fixture
async def door(database: str, tmp_path: Path) -> AsyncIterator[Door]:
    """A registry with a ledger of the test's own."""
    async with open_door(database, tmp_path) as door:
        yield door
