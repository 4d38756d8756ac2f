"""The console's application: every view with its checks, static files, and the routes of every service."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote, urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import aiohttp
import msgspec
from aiohttp import ClientConnectionResetError, web
from aiohttp.typedefs import Handler as AiohttpHandler
from multidict import MultiDict, MultiDictProxy
from structlog.contextvars import get_contextvars

from keyfold.console.browser.drafts import Drafts, FormDraft
from keyfold.console.browser.forgery import FIELD, Forgery
from keyfold.console.browser.headers import secure
from keyfold.console.browser.once import SecretsOnce
from keyfold.console.browser.session import Session, Sessions
from keyfold.console.sign_in.tokens import TokenRenewal
from keyfold.console.upstream.caller import person_of
from keyfold.console.upstream.failures import Away, NotAllowed, ServiceFailed, SignedOut, TooMany
from keyfold.console.upstream.services import Services
from keyfold.console.web import assets, failures
from keyfold.console.web.leading import notice, see
from keyfold.console.web.rendering import has_asset, render
from keyfold.console.web.view import Page, See, Shown, View, Visit, is_part
from keyfold.runtime.authenticator import NoTokens
from keyfold.runtime.clock import Clock
from keyfold.runtime.failure import TryLater
from keyfold.runtime.health import Health
from keyfold.runtime.http.connection import recognise_tenant
from keyfold.runtime.http.endpoint import endpoint
from keyfold.runtime.http.observe import name_response, observe_requests
from keyfold.runtime.http.rate_limits import UNLIMITED
from keyfold.runtime.http.standard import standard_routes
from keyfold.runtime.http.streaming import StreamFailed

FORM_BYTES_MAX: Final = 64 * 1024
ZONE: Final = "keyfold-zone"
EMBED: Final = "/embed/"
"""The beginning of the addresses that only a frame shows."""
OVER: Final = f"{EMBED}over"
# An id or a code: it becomes a part of a service's path, which it must not turn into another path.
_PART: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_SESSION: Final = web.RequestKey("session", Session)
_BEGUN: Final = web.RequestKey("begun", bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """Everything that views need to be served."""

    sessions: Sessions
    forgery: Forgery
    drafts: Drafts
    secrets: SecretsOnce
    tokens: TokenRenewal
    http: aiohttp.ClientSession
    urls: Mapping[str, str]
    clock: Clock
    api_url: str = ""
    vendor_key_header: str = ""
    subscriber_key_header: str = ""
    frame_ancestors: str = ""
    is_local: bool = False
    provider_origin: str = ""

    def services(self, token: str) -> Services:
        """Return the services, to be called with this token."""
        request_id = str(get_contextvars().get("request_id", ""))
        return Services(session=self.http, urls=self.urls, token=token, request_id=request_id)

    def respond(self, raw: web.Request, session: Session | None, page: Page) -> web.Response:
        """Return the response of a page, with all that belongs to it."""
        shared: dict[str, Any] = {
            "session": session,
            "person": None if session is None else session.person,
            "csrf": "" if session is None else self.forgery.mark(session),
            "once": self.clock.random_bytes(16).hex(),
            "zone": _zone(raw),
            "here": raw.rel_url.raw_path_qs,
            "notice": unquote(notice(framed=False).read(raw.cookies) or ""),
            "is_local": self.is_local,
            "has_htmx": has_asset(assets.HTMX),
            "is_part": is_part(raw),
            "now": self.clock.now(),
        }
        text = render(page.template, {**shared, **page.values})
        response = web.Response(
            text=text, status=page.status, content_type="text/html", charset="utf-8", headers=page.headers
        )
        response.enable_compression()
        return response


def build(
    console: Console, views: Sequence[View], others: Sequence[web.RouteDef], health: Health
) -> web.Application:
    """Make the application of a route table; `others` are routes for people who are not signed in."""
    standard = standard_routes(health)
    quiet = frozenset(route.path for route in standard)
    around = [_speaking(console), observe_requests(console.clock, quiet), _guarding(console)]
    app = web.Application(client_max_size=FORM_BYTES_MAX, middlewares=around)
    draining = asyncio.Event()
    for route in standard:
        handler = endpoint(route, NoTokens(), UNLIMITED, draining=draining, clock=console.clock)
        app.router.add_get(route.path, handler)
    app.add_routes([*others, web.get(assets.PATH, assets.serve_asset)])
    for view in views:
        app.router.add_route(view.method, view.path, _serving(console, view))
    app.on_response_prepare.extend([name_response, _finishing(console)])
    return app


def _guarding(console: Console) -> Any:
    @web.middleware
    async def guard(raw: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
        """Refuse another site's requests; answer every failure with a page; restrict the browser."""
        session = console.sessions.read(raw.cookies)
        if session is not None:
            recognise_tenant(raw, session.person.tenant)
        try:
            is_cookie = "Authorization" not in raw.headers
            if raw.method == "POST" and is_cookie and console.forgery.is_foreign(raw.headers):
                response: web.StreamResponse = console.respond(raw, session, failures.FOREIGN)
            else:
                response = await handler(raw)
        except ServiceFailed as failed:
            response = _answer_failure(console, raw, session, failed)
        except TryLater as away:
            # The person stays signed in: only the provider that would renew the token does not answer.
            response = console.respond(raw, session, failures.page_of(Away("provider", str(away))))
        except web.HTTPException as refused:
            response = console.respond(raw, session, failures.of_status(refused.status))
        except ClientConnectionResetError:
            raise
        except Exception as bug:
            if _BEGUN in raw:
                raise StreamFailed("the answer cannot be ended") from bug
            raise
        return response

    return guard


def _speaking(console: Console) -> Any:
    @web.middleware
    async def speak(raw: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
        """Answer a bug, which is logged by then, with a page."""
        response = await handler(raw)
        if response.status != 500 or response.prepared or "text/html" not in raw.headers.get("Accept", ""):
            return response
        session = console.sessions.read(raw.cookies)
        return console.respond(raw, session, failures.of_status(500))

    return speak


def _finishing(console: Console) -> Any:
    async def finish(raw: web.Request, response: web.StreamResponse) -> None:
        """Add to every answer, even a streamed one, the session and the headers that restrict a browser."""
        raw[_BEGUN] = True
        was = console.sessions.read(raw.cookies)
        if (session := raw.get(_SESSION, was)) is not None and _SESSION in raw:
            _keep(console, response, session, was)
        framed = raw.path.startswith(EMBED) or (session is not None and session.framed)
        ancestors = console.frame_ancestors if framed else ""
        secure(response, frame_ancestors=ancestors, form_action=console.provider_origin)

    return finish


def _answer_failure(
    console: Console, raw: web.Request, session: Session | None, failed: ServiceFailed
) -> web.StreamResponse:
    if isinstance(failed, SignedOut):
        return _answer_signed_out(console, raw, FormDraft(path=raw.path, fields=()))
    return console.respond(raw, session, failures.page_of(failed))


def _serving(console: Console, view: View) -> AiohttpHandler:
    async def serve(raw: web.Request) -> web.StreamResponse:
        if not all(map(_PART.fullmatch, raw.match_info.values())):
            raise web.HTTPNotFound
        form = await raw.post() if raw.method == "POST" else MultiDictProxy(MultiDict())
        fields = [(name, value) for name, value in form.items() if isinstance(value, str)]
        kept = list(raw.match_info.items()) if view.back else fields
        left = FormDraft(path=view.back or raw.path, fields=kept)
        session = console.sessions.read(raw.cookies)
        fresh = None if session is None else await console.tokens.ensure_fresh(session)
        if fresh is None:
            return _to_sign_in(console, raw, left)
        raw[_SESSION] = fresh
        if raw.method == "POST" and not console.forgery.is_marked(fresh, dict(fields).get(FIELD, "")):
            return console.respond(raw, fresh, failures.FOREIGN)
        if fresh.person.role not in view.who:
            fresh = raw[_SESSION] = await _refresh_person(console, fresh)
        if fresh.person.role not in view.who:
            return console.respond(raw, fresh, failures.not_allowed(fresh.person))
        draft = console.drafts.read(raw.cookies, raw.path) if raw.method == "GET" else None
        visit = Visit(
            raw=raw,
            session=fresh,
            services=console.services(fresh.token),
            now=console.clock.now(),
            zone=_zone(raw),
            form=MultiDictProxy(MultiDict(fields if draft is None else draft)),
            is_draft=draft is not None,
        )
        is_lost = False
        try:
            shown = await view.handler(visit)
        except SignedOut:
            return _answer_signed_out(console, raw, left)
        except NotAllowed as refused:
            now = await _refresh_person(console, fresh)
            is_same = now.person == fresh.person
            shown = (
                failures.page_of(refused)
                if is_same
                else See(path=failures.home(now.person), person=now.person)
            )
        except ServiceFailed as failed:
            if _BEGUN in raw:
                raise StreamFailed("the answer cannot be ended") from failed
            shown, is_lost = failures.page_of(failed), isinstance(failed, Away | TooMany)
        if isinstance(shown, See) and shown.person is not None:
            raw[_SESSION] = msgspec.structs.replace(fresh, person=shown.person)
        response = _response(console, visit, shown)
        if visit.is_draft and _BEGUN not in raw:
            console.drafts.drop(response, framed=fresh.framed)
        if is_lost and fields:
            console.drafts.keep(response, left, framed=fresh.framed)
        return response

    return serve


async def _refresh_person(console: Console, session: Session) -> Session:
    """Return the session with the person that its login is now: it may have been let in or shut out since."""
    return msgspec.structs.replace(session, person=await person_of(console.services(session.token)))


def _keep(console: Console, response: web.StreamResponse, session: Session, was: Session | None) -> None:
    if session != was:
        console.sessions.write(response, session)
    else:
        console.sessions.keep(response, session)


def _response(console: Console, visit: Visit, shown: Shown) -> web.StreamResponse:
    match shown:
        case Page():
            # A form that was sent before, and may have been done, keeps its idempotency key: it is done once.
            once = {"once": visit.once} if visit.is_draft and visit.once else {}
            page = replace(shown, values={**once, **shown.values})
            response = console.respond(visit.raw, visit.session, page)
            said = notice(framed=visit.session.framed)
            if said.read(visit.raw.cookies) is not None:
                said.clear(response)
            return response
        case See():
            return see(visit.raw, shown, framed=visit.session.framed)
        case _:
            return shown


def _answer_signed_out(console: Console, raw: web.Request, left: FormDraft) -> web.StreamResponse:
    raw.pop(_SESSION, None)
    response = _to_sign_in(console, raw, left)
    console.sessions.end(response)
    return response


def _to_sign_in(console: Console, raw: web.Request, left: FormDraft) -> web.StreamResponse:
    is_alone = raw.headers.get("Sec-Fetch-Dest") == "document"
    framed = raw.path.startswith(EMBED) or (console.sessions.has_frame_cookie(raw.cookies) and not is_alone)
    # A view that only changes something has no page to come back to; its form's page has the same path.
    is_here = raw.method != "POST" and left.path == raw.path
    query = {"return_to": raw.rel_url.raw_path_qs if is_here else left.path}
    over = {"over": "yes"} if console.sessions.has_cookie(raw.cookies) else {}
    # Nobody signs in within a frame: the page around it lets them in again.
    to = OVER if framed else f"/sign-in?{urlencode({**over, **query}, safe='/')}"
    response = see(raw, See(path=to))
    if left.fields:
        console.drafts.keep(response, left, framed=framed)
    return response


def _zone(raw: web.Request) -> ZoneInfo:
    try:
        return ZoneInfo(raw.cookies.get(ZONE) or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
