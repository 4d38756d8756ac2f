"""One stack for all victims; it must survive the death of each."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from keyfold.local.process.fork_server import ForkServer
from keyfold.local.sample.record import Sample
from keyfold.local.sample.seed import ensure_sample
from keyfold.store.postgres.connection import open_pool
from tests.support.chaos.aftermath import Aftermath
from tests.support.chaos.long import IS_LONG
from tests.support.chaos.reckoning import Reckoning
from tests.support.chaos.stack import ChaosStack

# Minutes of them: `make faults`.
collect_ignore = [] if IS_LONG else ["test_cuts.py", "test_outages.py", "test_repeats.py", "test_sharing.py"]


@pytest.fixture(scope="package")
async def stack(
    tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer
) -> AsyncIterator[ChaosStack]:
    """All processes, ready, and gone at the end."""
    stack = ChaosStack.in_directory(tmp_path_factory.mktemp("chaos"), fork_server)
    try:
        await stack.start()
        yield stack
    finally:
        await stack.stop()


@pytest.fixture(scope="package")
async def sample(stack: ChaosStack) -> Sample:
    """A practice, an approved vendor and a pair of keys."""
    return await ensure_sample(stack.endpoints)


@pytest.fixture
async def aftermath(stack: ChaosStack) -> AsyncIterator[Aftermath]:
    """What looks at the stack when everything is over."""
    async with open_pool(stack.postgres.dsn, application_name="chaos") as pool:
        yield Aftermath(stack=stack, pool=pool)


@pytest.fixture
async def reckoning(stack: ChaosStack) -> AsyncIterator[Reckoning]:
    """What counts the outcome of journals."""
    async with open_pool(stack.postgres.dsn, application_name="chaos") as pool:
        yield Reckoning(stack=stack, pool=pool)
