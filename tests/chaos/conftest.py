"""One stack for all victims, each of which it must survive."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from libs.store.connection import open_pool
from services.cli.local.sample import Sample
from services.cli.local.seed import ensure_sample
from tests.chaos.aftermath import Aftermath
from tests.chaos.counts import Counts, table
from tests.chaos.stack import ChaosStack

COUNTS: list[Counts] = []


@pytest.fixture(scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ChaosStack]:
    """All processes, ready, and gone at the end."""
    stack = ChaosStack.in_directory(tmp_path_factory.mktemp("chaos"))
    try:
        await stack.start()
        yield stack
    finally:
        await stack.stop()


@pytest.fixture(scope="package")
async def sample(stack: ChaosStack) -> Sample:
    """A practice, an approved vendor and a pair of keys."""
    return await ensure_sample(stack.places)


@pytest.fixture
async def aftermath(stack: ChaosStack) -> AsyncIterator[Aftermath]:
    """Who looks when everything is over."""
    async with open_pool(stack.postgres.dsn, application_name="chaos") as pool:
        yield Aftermath(stack=stack, pool=pool)


@pytest.fixture(scope="package")
def counts() -> list[Counts]:
    """The numbers that are shown at the end of the run."""
    return COUNTS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what the client saw beside what the log holds."""
    if COUNTS:
        terminalreporter.section("kill -9 under load")
        for line in table(COUNTS):
            terminalreporter.line(line)
