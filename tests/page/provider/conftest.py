"""One platform with its provider for all tests of signing in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from keyfold.local.process.fork_server import ForkServer
from tests.page.provider.people import Member, at_desk
from tests.page.provider.running import Platform, platform_in


@pytest.fixture(scope="package")
async def platform(
    tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer
) -> AsyncIterator[Platform]:
    """The platform."""
    async with platform_in(tmp_path_factory.mktemp("platform"), fork_server) as platform:
        yield platform


@pytest.fixture(scope="package")
async def operator(platform: Platform, browser: Browser) -> AsyncIterator[Member]:
    """Somebody whose group at the provider is the operators'."""
    async with at_desk(platform, browser, "platform") as operator:
        await operator.signs_in()
        yield operator


@pytest.fixture
async def account_id(operator: Member) -> str:
    """An account of the test's own."""
    status, opened = await operator.asks("POST", "/v1/accounts", {"name": "Harbour Dental"})
    assert status == 201, opened
    return str(opened["account_id"])
