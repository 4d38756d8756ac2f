"""After signing in, people return to where they were, with what they had typed, and no secret leaks."""

import pytest
from aiohttp import web

from keyfold.console.browser.session import Person
from keyfold.runtime.auth.caller import Role
from tests.support.console.served import serve_console

NEW = Person(sub="nell")
REVIEWER = Person(sub="rita", role=Role.REVIEWER)
APPLICATION = {
    "name": "Recall Robot",
    "contact_email": "dev@recall.example",
    "website": "https://recall.example",
    "intended_use": "Reminds patients",
}
CODE = "kfi_live_" + "a" * 61


async def test_a_code_is_in_no_other_address() -> None:
    """Whoever opens an invitation signs in by an address without its code, and then returns to it."""
    async with serve_console() as browser:
        answer = await browser.ask("GET", f"/invitations/{CODE}")
        assert (answer.status, answer.headers["Location"]) == (303, "/sign-in?return_to=/invitations")
        assert not any(CODE in f"{name}{value}" for name, value in browser.cookies.items())
        browser.sign_in(NEW)
        back = await browser.ask("GET", "/invitations")
        assert back.headers["Location"] == f"/invitations/{CODE}"
        assert (await browser.ask("GET", "/invitations")).headers["Location"] == "/welcome"


async def test_the_page_of_a_code_tells_nobody_its_address() -> None:
    """Browsers send an invitation's address to nobody, not even for the console's own files."""

    async def look(_raw: web.Request) -> web.Response:
        return web.json_response({"type": "urn:keyfold:problem:not-found"}, status=404)

    registry = web.Application()
    registry.router.add_post("/v1/invitations/look", look)
    async with serve_console(registry) as browser:
        browser.sign_in(NEW)
        answer = await browser.ask("GET", f"/invitations/{CODE}")
        assert (answer.status, answer.headers["Referrer-Policy"]) == (404, "strict-origin")
        assert CODE not in (await answer.text()).replace(f"/invitations/{CODE}", "")


async def test_a_form_outlives_the_login() -> None:
    """A form whose login a service no longer accepts is there again after signing in, once."""

    async def refuse(_raw: web.Request) -> web.Response:
        return web.json_response({}, status=401)

    registry = web.Application()
    registry.router.add_route("*", "/{rest:.*}", refuse)
    async with serve_console(registry) as browser:
        session = browser.sign_in(REVIEWER)
        typed = {"once": "1", "do": "suspend", "reason": "It leaks"}
        form = {"csrf": browser.console.forgery.mark(session), **typed}
        answer = await browser.ask("POST", "/reviews/ven_1", form)
        assert answer.headers["Location"] == "/sign-in?over=yes&return_to=/reviews/ven_1"
        assert browser.console.sessions.read(browser.cookies) is None
        kept = dict(browser.console.drafts.read(browser.cookies, "/reviews/ven_1") or ())
        assert kept == typed


async def test_a_form_outlives_a_service_that_is_away() -> None:
    """A form that no service answered is there again with its own key: sent again, it is done once."""

    async def no_answer(_raw: web.Request) -> web.Response:
        return web.json_response({}, status=503)

    registry = web.Application()
    registry.router.add_post("/v1/vendors", no_answer)
    async with serve_console(registry) as browser:
        session = browser.sign_in(NEW)
        typed = {**APPLICATION, "once": "1", "categories": "files"}
        form = {"csrf": browser.console.forgery.mark(session), **typed}
        assert (await browser.ask("POST", "/vendor/apply", form)).status == 503
        page = await (await browser.ask("GET", "/vendor/apply")).text()
        for text in (*APPLICATION.values(), 'name="once" value="1"'):
            assert text in page
        again = await (await browser.ask("GET", "/vendor/apply")).text()
        assert APPLICATION["name"] not in again


@pytest.mark.parametrize("part", ["..%2Fledger", "%2e%2e%2fx", "ven_1%3Fx=1", "%0d%0aX:%20y", "a" * 129])
async def test_what_is_no_id_is_asked_of_nobody(part: str) -> None:
    """An address without a valid id is not found, and never becomes a part of a service's path."""
    async with serve_console() as browser:
        browser.sign_in(REVIEWER)
        for path in (f"/reviews/{part}", f"/reviews/{part}/suspended"):
            assert (await browser.ask("GET", path)).status == 404
