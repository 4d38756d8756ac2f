"""The console's views on their own server, and a browser's cookies; services give prepared answers."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from keyfold.console.browser.drafts import DRAFT_LASTS_S, Drafts, FormDraft
from keyfold.console.browser.forgery import Forgery
from keyfold.console.browser.once import SECRET_LASTS_S, NewSecret, SecretsOnce
from keyfold.console.browser.sealing import Seal
from keyfold.console.browser.session import Person, Session, Sessions
from keyfold.console.routes import views
from keyfold.console.sign_in.tokens import TokenRenewal
from keyfold.console.web.app import Console, build
from keyfold.console.web.view import View
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.health import Health

LASTS_S: Final = 3600
_SECRETS: Final = ("a secret of the tests, long enough for one",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """A browser that follows no redirect, and keeps each cookie that it gets."""

    console: Console
    url: str
    http: aiohttp.ClientSession
    cookies: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, method: str, path: str, form: Mapping[str, str] | None = None, accept: str = "text/html"
    ) -> aiohttp.ClientResponse:
        """Return the answer to a request, read completely."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = await self.http.request(
            method,
            self.url + path,
            data=form,
            headers={"Cookie": cookie, "Accept": accept},
            allow_redirects=False,
        )
        await answer.read()
        self._keep({name: each.value for name, each in answer.cookies.items()})
        return answer

    def sign_in(self, person: Person) -> Session:
        """Give this browser a session."""
        now = SYSTEM_CLOCK.now()
        session = Session(
            session_id="1",
            person=person,
            token="-",
            token_until=now + timedelta(seconds=LASTS_S),
            began_at=now,
            used_at=now,
        )
        response = web.Response()
        self.console.sessions.write(response, session)
        sent = [each.partition(";")[0].partition("=") for each in response.headers.getall("Set-Cookie")]
        self._keep({name: value for name, _, value in sent})
        return session

    def _keep(self, sent: Mapping[str, str]) -> None:
        self.cookies.update(sent)
        for name in [name for name, value in self.cookies.items() if not value]:
            del self.cookies[name]


@asynccontextmanager
async def serve_console(
    registry: web.Application | None = None, more: Sequence[View] = ()
) -> AsyncIterator[Browser]:
    """Serve the console beside a prepared registry; without one, nothing may be asked of it."""
    async with (
        TestServer(registry or web.Application()) as behind,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        console = _console(http, {"registry": str(behind.make_url("")).rstrip("/")})
        async with TestServer(build(console, [*views(console), *more], [], Health())) as server:
            yield Browser(console=console, url=str(server.make_url("")).rstrip("/"), http=http)


def _console(http: aiohttp.ClientSession, urls: Mapping[str, str]) -> Console:
    clock = SYSTEM_CLOCK

    def seal(value: type, purpose: str, lasts_s: int) -> Seal:  # type: ignore[type-arg]
        return Seal.of(value, purpose=purpose, secrets=_SECRETS, clock=clock, lasts_s=lasts_s)

    return Console(
        sessions=Sessions(seal=seal(Session, "session", LASTS_S), clock=clock, max_s=LASTS_S, idle_s=LASTS_S),
        forgery=Forgery(seal=seal(str, "form", LASTS_S), origin="http://console.example"),
        drafts=Drafts(seal=seal(FormDraft, "draft", DRAFT_LASTS_S)),
        secrets=SecretsOnce(seal=seal(NewSecret, "secret", SECRET_LASTS_S)),
        tokens=TokenRenewal(provider=None, clock=clock),
        http=http,
        urls=urls,
        clock=clock,
    )
