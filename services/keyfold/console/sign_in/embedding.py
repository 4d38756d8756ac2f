"""Embedding: a product with its own sign-in sends its people here by a link that works once, for a minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

import msgspec
import orjson
from aiohttp import web

from keyfold.console.browser.sealing import Seal
from keyfold.console.sign_in.provider import ProviderTokens, until_of
from keyfold.console.sign_in.views import open_session, way_back
from keyfold.console.upstream.failures import Away, ServiceRefused
from keyfold.console.web import failures
from keyfold.console.web.app import EMBED, OVER, Console
from keyfold.console.web.leading import see
from keyfold.console.web.view import See
from keyfold.runtime.http.problem import Problem, problem_response

LINK_LASTS_S: Final = 60


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed content of a link: whom it lets in, and the first page."""

    link_id: str
    token: str
    until: datetime
    return_to: str

    def __repr__(self) -> str:
        return f"Link({self.return_to})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """The routes of embedding: for the product's back end, and for the frame in its page."""

    console: Console
    links: Seal[Link]
    console_url: str

    def routes(self) -> list[web.RouteDef]:
        """Return the rows."""
        return [
            web.post("/embed", self.link),
            web.get(OVER, self.over),
            web.get(f"{EMBED}{{link}}", self.enter),
        ]

    async def link(self, raw: web.Request) -> web.StreamResponse:
        """Answer `POST /embed` with a link for the token's owner; its first page is `return_to`."""
        scheme, _, token = raw.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return _problem(401, "unauthorized", "an Authorization header with a Bearer token is needed", raw)
        try:
            body = orjson.loads(await raw.read() or b"{}")
            return_to = way_back(str(body.get("return_to", "")))
        except (orjson.JSONDecodeError, AttributeError):
            return _problem(400, "malformed-body", "the body is no JSON object", raw)
        try:
            await self.console.services(token).get("registry", "/v1/caller")
        except ServiceRefused as refused:
            return _problem(refused.status, refused.kind, refused.detail, raw)
        except Away:
            return _problem(503, "service-unavailable", "the registry does not answer", raw)
        now = self.console.clock.now()
        until = now + timedelta(seconds=LINK_LASTS_S)
        link = Link(
            link_id=self.console.clock.random_bytes(32).hex(), token=token, until=until, return_to=return_to
        )
        answer = {"url": f"{self.console_url}/embed/{self.links.close(link)}", "expires_at": until}
        return web.Response(status=201, body=orjson.dumps(answer), content_type="application/json")

    async def enter(self, raw: web.Request) -> web.StreamResponse:
        """Let in the first one who opens a link, in a frame."""
        link = self.links.open(raw.match_info["link"])
        if link is None or link.until <= self.console.clock.now():
            return self.console.respond(raw, None, failures.LINK_USED)
        try:
            spent = {"link_id": link.link_id, "expires_at": link.until.isoformat()}
            await self.console.services(link.token).ask("registry", "/v1/links/spend", spent)
        except ServiceRefused as refused:
            if refused.status != HTTPStatus.CONFLICT:
                raise
            return self.console.respond(raw, None, failures.LINK_USED)
        otherwise = self.console.clock.now() + timedelta(seconds=LINK_LASTS_S)
        tokens = ProviderTokens(
            access_token=link.token, until=until_of(link.token, otherwise), refresh_token=None, id_token=None
        )
        session = await open_session(self.console, tokens, framed=True)
        response = see(raw, See(path=link.return_to or failures.home(session.person)))
        self.console.sessions.write(response, session)
        return response

    async def over(self, raw: web.Request) -> web.StreamResponse:
        """Say in a frame that its session is over: nobody can sign in there."""
        return self.console.respond(raw, None, failures.OVER_IN_FRAME)


def _problem(status: int, slug: str, detail: str, raw: web.Request) -> web.Response:
    return problem_response(Problem(status=status, slug=slug, detail=detail), raw.path)
