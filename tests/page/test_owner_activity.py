"""An owner looks at the practice's activity: chart, refusals, filters, live, a file."""

from __future__ import annotations

import asyncio
import re

import orjson
import pytest
from playwright.async_api import Locator, Page, expect

from tests.support.eventually import eventually
from tests.support.page.browsers import Desk, follow, main_of, press, wait_for_heading
from tests.support.page.keys import HOME, page_of
from tests.support.stack.world import Practice, World

pytestmark = pytest.mark.debian("chromium-headless-shell")

ASKED = (
    ("GET", "/v1/patient/7"),
    ("GET", "/v1/appointment"),
    ("POST", "/v1/patient"),
    ("POST", "/v1/patient"),
    ("GET", "/v1/note/9"),
)


@pytest.fixture
async def asked(world: World, practice: Practice) -> Practice:
    """A practice whose log has two requests that passed and three that were denied."""
    for method, path in ASKED:
        await world.request(method, path, practice.keys)
    await world.whole_log(practice)
    return practice


async def test_whole_page(office: Desk, owner: str, asked: Practice) -> None:
    """The page has requests by answer, who asked most, refusals, what to do, and up to when it is whole."""
    page = await office.signed_in(owner, f"{HOME}/activity")
    await wait_for_heading(page, "Activity")
    chart = page.get_by_role("figure", name=re.compile("Requests by day, 5 in all"))
    await expect(chart).to_contain_text("Allowed: 2")
    await expect(chart).to_contain_text("Denied: 3")
    await page.get_by_text("Show the numbers").click()
    numbers = page.get_by_role("region", name="Numbers")
    await expect(numbers.get_by_role("row").last).to_contain_text(re.compile(r"\d+ \w{3}.*2.*3", re.DOTALL))
    await expect(main_of(page)).to_contain_text(f"{asked.vendor.name}: 5 requests")
    refusals = page.get_by_role("listitem").filter(has_text="The key may read this data and not change it")
    await expect(refusals).to_contain_text("2 requests.")
    await expect(refusals).to_contain_text(
        "Give the key write access, if it is right (the practice's owner)."
    )
    await follow(page, "category")
    await expect(page.get_by_role("figure")).to_contain_text("Patients: 3")
    await follow(page, "30 days")
    await page.wait_for_url("**/activity?chart=category&range=30d")

    async def is_whole() -> bool:
        await page.reload()
        return "This log is whole up to" in await main_of(page).inner_text()

    await eventually(is_whole)


async def test_filters(office: Desk, owner: str, asked: Practice) -> None:
    """Filters are in the address and named; those that find nothing say so; one link removes them."""
    page = await office.signed_in(owner, f"{HOME}/activity?range=30d")
    await expect(_rows(page)).to_have_count(5)
    await page.get_by_label("Answer").select_option(label="Denied")
    await page.get_by_label("Category").select_option(label="Patients")
    await press(page, "Filter")
    await page.wait_for_url(re.compile(r"range=30d.*category=patient.*decision=deny"))
    await expect(_rows(page)).to_have_count(2)
    await expect(main_of(page)).to_contain_text(re.compile(r"Only Patients, Denied\."))
    await page.get_by_label("Category").select_option(label="Files")
    await press(page, "Filter")
    await expect(main_of(page)).to_contain_text("Nothing matches these filters in this time.")
    await follow(page, "Clear filters")
    await expect(_rows(page)).to_have_count(5)
    assert "=" not in page.url


async def test_live(office: Desk, owner: str, world: World, asked: Practice) -> None:
    """A request appears as it is made; none while paused, and going on shows what came in the meantime."""
    page = await office.signed_in(owner, f"{page_of(asked)}/activity")
    await expect(_rows(page)).to_have_count(5)
    async with page.expect_response("**/activity/live*"):
        await press(page, "Live")
    pause = page.get_by_role("button", name="Pause")
    await expect(pause).to_have_attribute("aria-pressed", "true")
    await world.request("GET", "/v1/patient/8", asked.keys)
    await expect(_rows(page).first).to_contain_text("GET /v1/patient/8")
    await expect(_rows(page).first).to_contain_text("Allowed")
    await pause.click()
    await expect(page.get_by_role("status").filter(has_text="Paused.")).to_be_attached()
    await expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "false")


async def test_export(office: Desk, owner: str, asked: Practice) -> None:
    """What the page's question finds can be saved as CSV and as NDJSON, with names."""
    page = await office.signed_in(owner, f"{HOME}/activity?decision=deny")
    lines = (await _file(page, "Export CSV")).decode().splitlines()
    assert len(lines) == 4
    assert all(asked.vendor.name in line and ",deny," in line for line in lines[1:])
    items = [orjson.loads(line) for line in (await _file(page, "Export NDJSON")).splitlines()]
    assert [item["vendor_name"] for item in items] == [asked.vendor.name] * 3


async def test_one_request(office: Desk, owner: str, world: World, asked: Practice) -> None:
    """A request shows all its details, why, what to change and who can; its decision's id finds it."""
    denied = next(each for each in await world.log(asked) if each["reason"] == "category_denied")
    page = await office.signed_in(owner, f"{HOME}/activity?reason=category_denied")
    await _rows(page).first.get_by_role("link").first.click()
    await wait_for_heading(page, "Request")
    for said in ("GET /v1/note/9", "Denied", "What to change", "Clinical notes", asked.vendor.name):
        await expect(main_of(page)).to_contain_text(said)
    await page.goto(f"{office.console}{HOME}/activity")
    await page.get_by_label("Find a request").fill(f" {denied['event_id']} ")
    await press(page, "Find")
    await page.wait_for_url(f"**/decisions/{denied['event_id']}")
    await page.goto(f"{office.console}/decisions/01890a5d-ac96-774b-bcce-b302099a8057")
    await wait_for_heading(page, "Not found")


def _rows(page: Page) -> Locator:
    return page.locator("#rows").get_by_role("row")


async def _file(page: Page, name: str) -> bytes:
    async with page.expect_download() as begun:
        await page.get_by_role("link", name=name).click()
    download = await begun.value
    return await asyncio.to_thread((await download.path()).read_bytes)
