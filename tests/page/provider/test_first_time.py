"""The first time: a login that the provider knows and Keyfold does not, and the invitation that binds it."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.page.provider.people import Member, at_desk, shows
from tests.page.provider.running import Platform

pytestmark = pytest.mark.debian("chromium-headless-shell")

HOME = "/settings/integrations/api"
PEOPLE = f"{HOME}/people"
CODE = re.compile(r"/invitations/(?P<code>[A-Za-z0-9_-]+)$")


async def invited(operator: Member, account_id: str) -> str:
    """Invite an account's owner on the operators' page; return the code."""
    page = await operator.desk.open("/operations")
    await page.get_by_label("A practice's owner").check()
    await page.get_by_label("Id", exact=True).fill(account_id)
    await page.get_by_role("button", name="Invite").click()
    await shows(page, "Copy the invitation now")
    found = CODE.search(await page.get_by_label("Link").input_value())
    assert found is not None
    await page.close()
    return found["code"]


async def accepts(member: Member, code: str) -> Page:
    """Open an invitation, sign in on the way, and accept it."""
    page = await member.signs_in(f"/invitations/{code}")
    await shows(page, "Welcome")
    await expect(page.get_by_text("Harbour Dental")).to_be_visible()
    await page.get_by_role("button", name="Accept").click()
    await shows(page, "API integrations")
    return page


async def test_once(platform: Platform, browser: Browser, operator: Member, account_id: str) -> None:
    """An invitation binds the login that opens it first, as an event, and no other one; what it binds to is
    all that this login sees; the code stands in no log."""
    code = await invited(operator, account_id)
    async with (
        at_desk(platform, browser, f"nora {account_id}") as nora,
        at_desk(platform, browser, f"otto {account_id}") as otto,
    ):
        await accepts(nora, code)
        caller = (await nora.asks("GET", "/v1/caller"))[1]
        assert (caller["role"], caller["account_id"]) == ("owner", account_id)
        _, history = await nora.asks("GET", f"/v1/accounts/{account_id}/history?type=keyfold.login.bound")
        assert len(history["items"]) == 1

        page = await otto.signs_in(f"/invitations/{code}")
        await expect(page.get_by_text("used already")).to_be_visible()
        await expect(page.get_by_role("button", name="Accept")).to_have_count(0)
        status, problem = await otto.asks("POST", "/v1/invitations/accept", {"code": code})
        assert (status, problem["type"].rpartition(":")[2]) == (409, "invitation-used")
        answer = await page.goto(otto.desk.console + HOME)
        assert answer is not None
        assert answer.status == 403
        assert (await otto.asks("GET", "/v1/caller"))[1]["role"] is None
    logs = [path for path in platform.directory.rglob("*.log") if "postgres" not in path.name]
    assert len(logs) > 5
    assert [path.name for path in logs if code in path.read_text(errors="replace")] == []


async def test_one_account(platform: Platform, browser: Browser, operator: Member, account_id: str) -> None:
    """A login that is bound to one account cannot see another, or be bound to it as well."""
    _, other = await operator.asks("POST", "/v1/accounts", {"name": "Harbour Dental"})
    async with at_desk(platform, browser, f"olga {account_id}") as olga:
        page = await accepts(olga, await invited(operator, account_id))
        for path in ("", "/keys", "/logins", "/history"):
            assert (await olga.asks("GET", f"/v1/accounts/{other['account_id']}{path}"))[0] == 404
        code = await invited(operator, other["account_id"])
        await page.goto(f"{olga.desk.console}/invitations/{code}")
        await page.get_by_role("button", name="Accept").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        assert (await olga.asks("GET", "/v1/caller"))[1]["account_id"] == account_id
        assert (await operator.asks("POST", "/v1/invitations/look", {"code": code}))[1]["state"] == "open"


async def test_shut_out(platform: Platform, browser: Browser, operator: Member, account_id: str) -> None:
    """Logins are listed where they are let in; one that is ended is refused at its next request."""
    async with (
        at_desk(platform, browser, f"anna {account_id}") as anna,
        at_desk(platform, browser, f"bert {account_id}") as bert,
    ):
        await accepts(anna, await invited(operator, account_id))
        his = await accepts(bert, await invited(operator, account_id))
        page = await anna.desk.open(PEOPLE)
        await expect(page.get_by_role("listitem").filter(has_text=anna.login)).to_contain_text("this is you")
        listed = page.get_by_role("listitem").filter(has_text=bert.login)
        await expect(listed).to_contain_text(platform.url("provider"))
        await listed.get_by_role("button", name="End").click()
        await expect(page.get_by_text("That login was ended")).to_be_visible()
        await expect(listed).to_have_count(0)
        await his.goto(bert.desk.console + HOME)
        await shows(his, "Welcome")
        assert (await bert.asks("GET", f"/v1/accounts/{account_id}"))[0] == 403
