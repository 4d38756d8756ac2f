"""What a real browser lets a listed origin's scripts do through each gateway, and no other's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.async_api import BrowserContext, Frame, Page, async_playwright

from keyfold.domain.access.decision import Reason
from tests.support.debian import program
from tests.support.gatekeeper.practice import BOTH
from tests.support.gateways.running import Gateway
from tests.support.gateways.scene import Scene

pytestmark = pytest.mark.debian("chromium-headless-shell")

FLAGS: Final = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --host-resolver-rules=MAP~*.test~127.0.0.1"
)
# A script that tells what it may read of an answer, or that its browser told it nothing.
FETCH: Final = """async ([url, init]) => {
    try {
        const answer = await fetch(url, init);
        const told = Object.fromEntries(answer.headers);
        return {status: answer.status, reason: told["x-keyfold-reason"], total: told["x-total"]};
    } catch (refused) {
        return null;
    }
}"""
KEYED: Final = {"headers": {**BOTH, "Content-Type": "application/json"}}
OWN: Final = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "X-Total"),
    ("X-Total", "7"),
)


@pytest.fixture(scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BrowserContext]:
    """Debian's Chromium, with a profile of its own."""
    profile = tmp_path_factory.mktemp("chromium")
    args = [flag.replace("~", " ") for flag in FLAGS.split()]
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile, executable_path=program("chromium-headless-shell"), args=args
        )
        yield context
        await context.close()


@pytest.fixture
def listed_origin(scene: Scene) -> str:
    """The origin that gateways are told of. What is to be seen there is of no interest."""
    return f"http://console.example.test:{scene.upstream.port}"


@pytest.fixture
def own_headers(scene: Scene) -> Iterator[None]:
    """Let the API set CORS headers of its own."""
    with scene.upstream.sending(OWN):
        yield


async def page_at(browser: BrowserContext, origin: str) -> Page:
    """Return a page of an origin."""
    page = await browser.new_page()
    await page.goto(f"{origin}/")
    return page


async def fetch(page: Page | Frame, gateway: Gateway, target: str, **init: Any) -> Any:
    """Return what a script may read of an answer, None where that is nothing."""
    return await page.evaluate(FETCH, [f"http://api.example.test:{gateway.port}{target}", init])


@pytest.mark.usefixtures("own_headers")
async def test_a_listed_origin(
    scene: Scene, browser: BrowserContext, cors_gateway: Gateway, listed_origin: str
) -> None:
    """Scripts of a listed origin read and write with both keys, read denials and outages; without cookies."""
    page = await page_at(browser, listed_origin)
    for method, body in (("GET", None), ("PUT", "{}"), ("DELETE", None)):
        answer = await fetch(page, cors_gateway, "/v1/patient/7", method=method, body=body, **KEYED)
        assert answer is not None, method
        assert (answer["status"], answer["total"]) == (200, "7")
        assert scene.upstream.got[-1].method == method
    keyless = await fetch(page, cors_gateway, "/v1/patient/7")
    assert (keyless["status"], keyless["reason"]) == (401, Reason.MISSING_VENDOR_KEY)
    denied = await fetch(page, cors_gateway, "/v1/note", **KEYED)
    assert (denied["status"], denied["reason"]) == (403, Reason.CATEGORY_DENIED)
    assert await fetch(page, cors_gateway, "/v1/patient/8", credentials="include", **KEYED) is None
    scene.switchboard.disconnect()
    undecided = await fetch(page, cors_gateway, "/v1/patient/7", **KEYED)
    assert undecided is not None
    assert undecided["status"] in {502, 503, 504}
    await page.close()


@pytest.mark.usefixtures("own_headers")
async def test_another_origin(scene: Scene, browser: BrowserContext, cors_gateway: Gateway) -> None:
    """Scripts of an origin that only looks listed, or of none, send no keys and read nothing."""
    origin = f"http://evil-console.example.test:{scene.upstream.port}"
    page = await page_at(browser, origin)
    await page.set_content('<iframe sandbox="allow-scripts" srcdoc="<p>an origin of null</p>"></iframe>')
    before = len(scene.upstream.got)
    for each in (page, page.frames[1]):
        assert await fetch(each, cors_gateway, "/v1/patient/7", **KEYED) is None
        assert await fetch(each, cors_gateway, "/v1/patient/7") is None
    assert len(scene.upstream.got) == before
    await page.close()


async def test_a_preflight_is_kept(
    browser: BrowserContext, cors_gateway: Gateway, listed_origin: str
) -> None:
    """A browser asks once for leave, and then sends requests alone."""
    page = await page_at(browser, listed_origin)
    watching = await browser.new_cdp_session(page)
    sent: list[tuple[str, str]] = []
    watching.on(
        "Network.requestWillBeSent",
        lambda event: sent.append((event["request"]["method"], urlsplit(event["request"]["url"]).path)),
    )
    await watching.send("Network.enable")
    for _ in range(3):
        answer = await fetch(page, cors_gateway, "/v1/patient/9", **KEYED)
        assert answer["status"] == 200
    asked = [method for method, path in sent if path == "/v1/patient/9"]  # not the page's own icon
    assert (asked.count("OPTIONS"), asked.count("GET")) == (1, 3)
    await page.close()
