"""The pages' safety: headers, cookies, forged forms, foreign frames, ways back, and hostile names."""

from __future__ import annotations

import aiohttp
import pytest
from playwright.async_api import Browser, expect

from tests.support.eventually import eventually
from tests.support.page.browsers import Desk, desk
from tests.support.stack.running import RunningStack
from tests.support.stack.world import Practice, World

pytestmark = pytest.mark.debian("chromium-headless-shell")

HOME = "/settings/integrations/api"


async def test_headers(stack: RunningStack) -> None:
    """No page may load anything from elsewhere, be kept by a browser, or be shown in another site's frame."""
    async with aiohttp.ClientSession() as session, session.get(stack.url("console") + "/sign-in") as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "http" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_cookie(office: Desk, owner: str) -> None:
    """A session is out of reach for scripts and other hosts, unreadable, and new after a sign-in."""
    await office.signed_in(owner)
    (session,) = [each for each in await office.context.cookies() if each["name"] == "__Host-keyfold"]
    assert (session["httpOnly"], session["secure"], session["sameSite"]) == (True, True, "Lax")
    assert owner.split()[-1] not in session["value"]
    page = await office.open(HOME)
    await page.get_by_role("button", name="Sign out").click()
    await office.signed_in(owner)
    (again,) = [each for each in await office.context.cookies() if each["name"] == "__Host-keyfold"]
    assert again["value"] != session["value"]


async def test_fixation(stack: RunningStack, owner: str) -> None:
    """A cookie that somebody else put into the browser before is worthless after signing in."""
    form, planted = {"as": owner}, {"Cookie": "__Host-keyfold=planted"}
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.post(
            stack.url("console") + "/sign-in", data=form, headers=planted, allow_redirects=False
        ) as answer,
    ):
        kept = [each for each in answer.headers.getall("Set-Cookie") if each.startswith("__Host-keyfold=")]
    assert answer.status == 303
    assert "planted" not in kept[-1]
    assert "Max-Age=0" not in kept[-1]


@pytest.mark.parametrize("csrf", ["", "gAAAAABm", None])
async def test_forged_form(
    office: Desk, owner: str, world: World, practice: Practice, csrf: str | None
) -> None:
    """A form without this session's mark changes nothing."""
    page = await office.signed_in(owner, HOME)
    fields: dict[str, str | float | bool] = {"once": "0" * 32, "version": "2"}
    if csrf is not None:
        fields["csrf"] = csrf
    answer = await page.request.post(f"{office.console}{HOME}", form=fields)
    assert answer.status == 403
    assert "Nothing was changed" in await answer.text()
    assert await is_on(world, practice)


async def test_mark_of_another_session(
    office: Desk, browser: Browser, owner: str, world: World, practice: Practice, stack: RunningStack
) -> None:
    """A form's mark is valid in its own session alone, even for the same person."""
    page = await office.signed_in(owner, HOME)
    async with desk(browser, stack.url("console")) as elsewhere:
        other = await elsewhere.signed_in(owner, HOME)
        mark = await other.locator("input[name=csrf]").first.input_value()
    form: dict[str, str | float | bool] = {"csrf": mark, "once": "1" * 32, "version": "2"}
    assert (await page.request.post(f"{office.console}{HOME}", form=form)).status == 403
    assert await is_on(world, practice)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_another_site(office: Desk, owner: str, origin: str) -> None:
    """A request that the browser says comes from another origin is refused first of all, sign-in too."""
    page = await office.signed_in(owner, HOME)
    for path in (f"{HOME}", "/sign-in", "/sign-out"):
        answer = await page.request.post(office.console + path, form={}, headers={"Origin": origin})
        assert answer.status == 403


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
    ],
)
async def test_open_redirect(office: Desk, owner: str, target: str) -> None:
    """Signing in redirects nobody out of the console."""
    page = await office.open("/sign-in")
    await page.evaluate("target => { document.querySelector('[name=return_to]').value = target; }", target)
    await page.get_by_role("button", name=f"Continue as {owner}", exact=True).click()
    await page.wait_for_url(f"{office.console}{HOME}")


async def test_session_over(office: Desk, owner: str) -> None:
    """Whoever is not signed in returns to the requested page afterwards."""
    page = await office.open(f"{HOME}/activity?range=30d")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    await page.get_by_role("button", name=f"Continue as {owner}", exact=True).click()
    await page.wait_for_url("**/activity?range=30d")


async def test_somebody_elses(office: Desk, owner: str, world: World) -> None:
    """Another practice's key looks like none, and another role's page is refused in words."""
    other = await world.practice(await world.vendor())
    page = await office.signed_in(owner)
    for path, status in (
        (f"{HOME}/keys/{other.key_id}", 404),
        (f"{HOME}/keys/{other.key_id}/activity", 404),
        (f"{HOME}/keys/key_000000000000", 404),
        ("/vendor", 403),
        ("/reviews", 403),
        ("/operations", 403),
        ("/nowhere", 404),
    ):
        answer = await page.request.get(office.console + path)
        assert (path, answer.status) == (path, status)


async def test_framing(browser: Browser, stack: RunningStack) -> None:
    """A browser shows no page of ours in a frame of another site."""
    async with desk(browser, stack.url("console")) as somewhere:
        page = await somewhere.context.new_page()
        blocked: list[str] = []
        page.on("console", lambda said: blocked.append(said.text))
        await page.set_content(f"<iframe src='{somewhere.console}/sign-in'></iframe>")

        async def is_blocked() -> bool:
            return any("frame" in each.lower() for each in blocked)

        await eventually(is_blocked)


async def is_on(world: World, practice: Practice) -> bool:
    """Tell whether the practice's integrations are on."""
    return bool((await world.done("GET", practice.path, practice.owner))["integrations_enabled"])
