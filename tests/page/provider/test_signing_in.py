"""Signing in and out at a certified OpenID provider, with a browser."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Browser, expect
from yarl import URL

from keyfold.console.browser.session import Session
from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.page.provider.people import Member, at_desk, at_provider, shows
from tests.page.provider.running import Platform
from tests.support.eventually import eventually, eventually_so

pytestmark = pytest.mark.debian("chromium-headless-shell")

HOME = "/settings/integrations/api"


async def ended(session: Session) -> None:
    """Wait until a session's access token has expired."""
    await eventually_so(lambda: SYSTEM_CLOCK.now() > session.token_until)


async def test_owner(platform: Platform, browser: Browser, account_id: str) -> None:
    """Who signs in comes back to where they were going; every service takes the provider's own words for who
    they are, and a form changes what is theirs."""
    async with at_desk(platform, browser, f"practice-admin@{account_id}") as owner:
        page = await owner.signs_in(f"{HOME}/activity?range=30d")
        await page.wait_for_url("**/activity?range=30d")
        await shows(page, "Activity")
        assert await owner.asks("GET", "/v1/caller") == (
            200,
            {
                "role": "owner",
                "sub": f"practice-admin@{account_id}",
                "account_id": account_id,
                "vendor_id": None,
                "expires_at": (await owner.asks("GET", "/v1/caller"))[1]["expires_at"],
            },
        )
        account = f"/v1/accounts/{account_id}"
        assert (await owner.asks("GET", f"{account}/activity", service="audit"))[0] == 200
        assert (await owner.asks("GET", "/v1/position", service="gatekeeper"))[0] == 200
        await page.goto(owner.desk.console + HOME)
        await shows(page, "API integrations")
        await page.get_by_role("switch").click()
        await expect(page.get_by_text("On. 0 keys")).to_be_visible()
        assert (await owner.asks("GET", account))[1]["integrations_enabled"] is True
        assert owner.desk.complaints == []


async def test_operator(platform: Platform, operator: Member) -> None:
    """A group that a setting names is a role, at each service."""
    assert (await operator.asks("GET", "/v1/position", service="gatekeeper"))[0] == 200
    assert (await operator.asks("GET", "/v1/dead-letters", service="audit"))[0] == 200
    page = await operator.desk.open("/")
    await shows(page, "Operations")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ("state", "belongs to another sign-in"),
        ("nonce", "belongs to another sign-in"),
        ("code_challenge", "does not know this sign-in any more"),
    ],
)
async def test_another_sign_in(platform: Platform, browser: Browser, changed: str, why: str) -> None:
    """An answer of the provider that this browser did not ask for lets nobody in."""
    async with at_desk(platform, browser, "platform") as member:
        page = await member.desk.open("/sign-in")
        begun = await page.request.post(f"{member.desk.console}/sign-in", max_redirects=0)
        address = URL(begun.headers["location"])
        asked = parse_qs(urlsplit(str(address)).query)
        assert asked["code_challenge_method"] == ["S256"]
        assert len(asked["state"][0]) == len(asked["nonce"][0]) == 64
        await page.goto(str(address.update_query({changed: "A" * 43})))
        await at_provider(page, member.login)
        await expect(page.get_by_role("alert")).to_contain_text(why)
        assert await platform.session(member.desk.context) is None


async def test_begun_elsewhere(platform: Platform, browser: Browser) -> None:
    """The address that ends a sign-in lets nobody in who opens it in another browser, or again."""
    async with at_desk(platform, browser, "platform") as member, at_desk(platform, browser, "x") as other:
        ends: list[str] = []
        member.desk.context.on("request", lambda sent: ends.append(sent.url))
        await member.signs_in()
        (end,) = [each for each in ends if "/sign-in/done?" in each]
        for somebody in (other, member):
            page = await somebody.desk.open(end.removeprefix(somebody.desk.console))
            await expect(page.get_by_role("alert")).to_contain_text("begun in another window")
        assert await platform.session(other.desk.context) is None


async def test_changed_my_mind(platform: Platform, browser: Browser) -> None:
    """Whoever gives up at the provider is told so, and may begin again."""
    async with at_desk(platform, browser, "platform") as member:
        page = await member.desk.open("/sign-in")
        await page.get_by_role("button", name="Continue").click()
        await page.get_by_role("link", name="Cancel").click()
        await expect(page.get_by_role("alert")).to_contain_text("did not let you in")
        await expect(page.get_by_role("button", name="Continue")).to_be_visible()


async def test_renewed(platform: Platform, browser: Browser, account_id: str) -> None:
    """An access token that ends is renewed beside the work, once for all that is asked at a time, also where
    the answer is a file; the session goes on, though the provider takes each refresh token but once."""
    async with at_desk(platform, browser, f"practice-admin@{account_id}", "console-1") as owner:
        page = await owner.signs_in()
        for paths in ([HOME, f"{HOME}/activity", f"{HOME}/people"], [f"{HOME}/activity/export"], [HOME]):
            before = await owner.session()
            renewals = platform.granted().count("refresh_token")
            await ended(before)
            answers = await asyncio.gather(
                *(page.request.get(owner.desk.console + path, max_redirects=0) for path in paths)
            )
            assert [answer.status for answer in answers] == [200] * len(paths)
            assert (await owner.session()).refresh_token != before.refresh_token
            assert platform.granted().count("refresh_token") == renewals + 1


async def test_ended(platform: Platform, browser: Browser) -> None:
    """Where the provider renews nothing the session ends with the access token, and signing in again leads
    back to where one was."""
    async with at_desk(platform, browser, "guest", "console-1") as guest:
        page = await guest.signs_in("/welcome")
        await shows(page, "Welcome")
        session = await guest.session()
        assert session.refresh_token is None
        await ended(session)
        await page.goto(f"{guest.desk.console}/vendor/apply")
        await expect(page.locator(".notice")).to_contain_text("Your session is over")
        await page.get_by_role("button", name="Continue").click()
        await page.wait_for_url("**/vendor/apply")


async def test_signed_out(platform: Platform, browser: Browser) -> None:
    """Signing out ends the session here and at the provider, which asks for a login the next time."""
    async with at_desk(platform, browser, "platform") as member:
        page = await member.signs_in()
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_role("button", name="Yes, sign me out").click()
        await page.wait_for_url(f"{member.desk.console}/sign-in")
        assert await platform.session(member.desk.context) is None
        await page.get_by_role("button", name="Continue").click()
        await expect(page.locator("input[name=login]")).to_be_visible()


async def test_provider_away(platform: Platform, browser: Browser) -> None:
    """While the provider is away whoever is signed in goes on, and a page says what cannot be done; nobody is
    signed out by it."""
    async with (
        at_desk(platform, browser, "platform") as lasting,
        at_desk(platform, browser, "platform", "console-1") as brief,
        at_desk(platform, browser, "platform") as newcomer,
    ):
        pages = {member.console: await member.signs_in() for member in (lasting, brief)}
        async with platform.without("provider"):
            session = await brief.session()
            await ended(session)
            await pages["console-0"].reload()
            await shows(pages["console-0"], "Operations")
            answer = await pages["console-1"].reload()
            assert answer is not None
            assert answer.status == 503
            await expect(
                pages["console-1"].get_by_text("that signs people in does not answer")
            ).to_be_visible()
            assert (await brief.session()).session_id == session.session_id
            page = await newcomer.desk.open("/sign-in")
            await page.get_by_role("button", name="Continue").click()
            await expect(page.get_by_role("alert")).to_contain_text("does not answer")
            await pages["console-0"].get_by_role("button", name="Sign out").click()
            await pages["console-0"].wait_for_url(f"{lasting.desk.console}/sign-in")

        async def is_back() -> bool:
            await page.goto(f"{newcomer.desk.console}/sign-in")
            await page.get_by_role("button", name="Continue").click()
            return await page.locator("input[name=login]").count() == 1

        await eventually(is_back)
