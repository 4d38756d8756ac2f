"""Embedding: a product's back end exchanges a token for a link, and its page shows the console in a frame."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from html import escape
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import Browser, FrameLocator, Page, expect

from keyfold.console.browser.sealing import Seal
from keyfold.console.sign_in.embedding import LINK_LASTS_S, Link
from keyfold.local.process.ports import HOST
from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.page.provider.people import Member, at_desk
from tests.page.provider.running import Platform
from tests.support.page.browsers import desk

pytestmark = pytest.mark.debian("chromium-headless-shell")

HOME = "/settings/integrations/api"
FRAME = "__Host-keyfold-framed"


@pytest.fixture(scope="module")
async def product(platform: Platform) -> AsyncIterator[str]:
    """The address of a product's page, which frames what its query says; to a browser, another site."""

    async def show(raw: web.Request) -> web.Response:
        frame = f"<iframe src='{escape(raw.query['frame'])}' width=1000 height=800></iframe>"
        return web.Response(text=f"<!doctype html><title>A product</title>{frame}", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", show)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, HOST, platform.ports["product"]).start()
    yield f"{platform.product}/"
    await runner.cleanup()


@pytest.fixture(scope="module")
async def token(platform: Platform, browser: Browser, operator: Member) -> str:
    """The token of an owner that the product's back end has."""
    _, account = await operator.asks("POST", "/v1/accounts", {"name": "Harbour Dental"})
    async with at_desk(platform, browser, f"practice-admin@{account['account_id']}") as owner:
        await owner.signs_in()
        return (await owner.session()).token


async def link(
    platform: Platform, token: str, body: Any = None, console: str = "console-0"
) -> tuple[int, dict[str, Any]]:
    """Exchange a token for a link, as a back end does."""
    headers = {"Authorization": f"Bearer {token}"}
    address = f"{platform.url(console)}/embed"
    async with aiohttp.request("POST", address, json=body or {}, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def opened(address: str) -> tuple[int, str]:
    """Open a link without a browser; return the status and the text."""
    async with aiohttp.request("GET", address, allow_redirects=False) as answer:
        return answer.status, await answer.text()


@asynccontextmanager
async def framed(browser: Browser, product: str, address: str) -> AsyncIterator[tuple[Page, FrameLocator]]:
    """Open the product's page with this in its frame."""
    async with desk(browser, product) as somebody:
        page = await somebody.context.new_page()
        await page.goto(f"{product}?frame={address}")
        yield page, page.frame_locator("iframe")


async def test_frame(platform: Platform, browser: Browser, product: str, token: str) -> None:
    """Within the product's page the owner is signed in by a session of the frame's own, and at work: a form
    changes something, and its notice is shown. When the session is over the frame says so."""
    status, made = await link(platform, token, {"return_to": f"{HOME}?from=product"})
    assert status == 201
    async with framed(browser, product, made["url"]) as (page, frame):
        heading = frame.get_by_role("heading", level=1)
        await expect(heading).to_have_text("API integrations")
        (cookie,) = [each for each in await page.context.cookies() if each["name"] == FRAME]
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "None")
        assert cookie.get("partitionKey") == "http://localhost"
        assert "__Host-keyfold" not in {each["name"] for each in await page.context.cookies()}
        await frame.get_by_role("switch").click()
        await expect(frame.locator(".notice")).to_be_visible()
        await frame.get_by_role("link", name="People").click()
        await expect(heading).to_have_text("People")
        # In a window of its own the console knows nothing of it.
        alone = await page.context.new_page()
        await alone.goto(platform.url("console-0") + HOME)
        await expect(alone.get_by_role("heading", level=1)).to_have_text("Sign in")
        await frame.get_by_role("button", name="Sign out").click()
        await expect(heading).to_have_text("Your session is over")


async def test_once(platform: Platform, browser: Browser, token: str) -> None:
    """A link works once: not again at its console, nor at another one, nor after registry and consoles were
    started again; of many who open it at a time one is let in."""
    _, made = await link(platform, token)
    elsewhere = made["url"].replace(platform.url("console-0"), platform.url("console-1"))
    answers = await asyncio.gather(*(opened(address) for address in (made["url"], elsewhere) * 4))
    assert sorted(status for status, _ in answers) == [303, *[410] * 7]
    _, unused = await link(platform, token, console="console-1")
    await platform.stop("registry", "console-0", "console-1")
    await platform.start("registry", "console-0", "console-1")
    for address in (made["url"], elsewhere):
        status, text = await opened(address)
        assert status == 410
        assert "This link was used" in text
    assert (await opened(unused["url"]))[0] == 303
    assert (await opened(unused["url"]))[0] == 410


async def test_for_a_minute(platform: Platform, token: str) -> None:
    """A link says that it is valid for a minute, and after that it is over, used or not."""
    _, made = await link(platform, token)
    left = datetime.fromisoformat(made["expires_at"]) - SYSTEM_CLOCK.now()
    assert timedelta(seconds=LINK_LASTS_S - 20) < left <= timedelta(seconds=LINK_LASTS_S)
    secrets = [platform.wiring.session_secret]
    seal = Seal.of(Link, purpose="link", secrets=secrets, clock=SYSTEM_CLOCK, lasts_s=LINK_LASTS_S)
    old = Link(link_id="a" * 32, token=token, until=SYSTEM_CLOCK.now(), return_to="")
    assert (await opened(f"{platform.url('console-0')}/embed/{seal.close(old)}"))[0] == 410


async def test_way_in(platform: Platform, token: str) -> None:
    """A link leads into the console and nowhere else."""
    for way in ("//evil.example", "https://evil.example/", ""):
        _, made = await link(platform, token, {"return_to": way})
        async with aiohttp.request("GET", made["url"], allow_redirects=False) as answer:
            assert answer.headers["Location"] == HOME


async def test_refused(platform: Platform, operator: Member) -> None:
    """Text that is not a token gets no link, and text that is not a link lets nobody in."""
    assert (await link(platform, "nobody's"))[0] == 401
    async with aiohttp.request("POST", f"{platform.url('console-0')}/embed") as answer:
        assert answer.status == 401
    token = (await operator.session()).token
    assert (await link(platform, token, ["no", "object"]))[0] == 400
    for wrong in ("x", "x" * 5000, "%00", "a/b"):
        assert (await opened(f"{platform.url('console-0')}/embed/{wrong}"))[0] in (404, 410)


async def test_foreign_frame(platform: Platform, browser: Browser, product: str, token: str) -> None:
    """A page that no setting names cannot show the console, not even with a good link; and the product's page
    cannot show the sign-in."""
    _, made = await link(platform, token)
    stranger = product.replace("localhost", "foreign.localhost")
    for page_of, address in ((stranger, made["url"]), (product, f"{platform.url('console-0')}/sign-in")):
        async with desk(browser, page_of) as somebody:
            page = await somebody.context.new_page()
            async with page.expect_console_message(lambda said: "frame-ancestors" in said.text):
                await page.goto(f"{page_of}?frame={address}")
