"""The sign-in page and what follows it: a session, and the way back to the page that was asked for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final

from aiohttp import web

from keyfold.console.browser.cookies import Cookie
from keyfold.console.browser.sealing import Seal
from keyfold.console.browser.session import Session
from keyfold.console.sign_in.local_people import TOKEN_LASTS_S, LocalPeople, read_people
from keyfold.console.sign_in.provider import Journey, NotSignedIn, Provider, ProviderTokens
from keyfold.console.upstream.caller import person_of
from keyfold.console.upstream.failures import ServiceRefused, TooMany
from keyfold.console.web import failures
from keyfold.console.web.app import OVER, Console
from keyfold.console.web.leading import see
from keyfold.console.web.view import Page, See
from keyfold.runtime.failure import TryLater
from keyfold.runtime.settings.base import read_file

JOURNEY_LASTS_S: Final = 600
_JOURNEY: Final = Cookie(name="keyfold-sign-in")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Routes for people not signed in. `provider` is None on a local stack, `people_path` elsewhere."""

    console: Console
    journeys: Seal[Journey]
    provider: Provider | None
    people_path: str | None

    def routes(self) -> list[web.RouteDef]:
        """Return the rows."""
        return [
            web.get("/", self.home),
            web.get("/sign-in", self.show),
            web.post("/sign-in", self.begin),
            web.get("/sign-in/done", self.end),
            web.post("/sign-out", self.sign_out),
        ]

    async def home(self, raw: web.Request) -> web.StreamResponse:
        """Lead to somebody's first page."""
        session = self.console.sessions.read(raw.cookies)
        return see(raw, See(path="/sign-in" if session is None else failures.home(session.person)))

    async def show(self, raw: web.Request) -> web.StreamResponse:
        """Show how to sign in."""
        values = {
            "people": self._people().people if self.people_path is not None else (),
            "return_to": way_back(raw.query.get("return_to", "")),
            "is_over": "over" in raw.query,
        }
        return self.console.respond(raw, None, Page(template="sign_in.html", values=values))

    async def begin(self, raw: web.Request) -> web.StreamResponse:
        """Send the person to the provider, or let a sample person in."""
        form = await raw.post()
        return_to = way_back(str(form.get("return_to", "")))
        if self.provider is None:
            return await self._as_sample_person(raw, str(form.get("as", "")), return_to)
        try:
            address, journey = await self.provider.begin(return_to)
        except TryLater:
            return self._not_signed_in(raw, "The sign-in service does not answer. Try again in a moment.")
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": address})
        _JOURNEY.write(response, self.journeys.close(journey))
        return response

    async def end(self, raw: web.Request) -> web.StreamResponse:
        """Let in a person who comes back from the provider."""
        sealed = _JOURNEY.read(raw.cookies)
        journey = None if sealed is None else self.journeys.open(sealed)
        if journey is None or self.provider is None:
            return self._not_signed_in(
                raw, "This took too long, or was begun in another window. Sign in again."
            )
        try:
            tokens = await self.provider.end(journey, raw.query)
        except NotSignedIn as refused:
            return self._not_signed_in(raw, f"You were not signed in: {refused}.")
        except TryLater:
            return self._not_signed_in(raw, "The sign-in service does not answer. Try again in a moment.")
        response = await self._let_in(raw, tokens, journey.return_to)
        _JOURNEY.clear(response)
        return response

    async def sign_out(self, raw: web.Request) -> web.StreamResponse:
        """End the session here, and at the provider if possible."""
        session = self.console.sessions.read(raw.cookies)
        framed = session is not None and session.framed
        address = OVER if framed else "/sign-in"
        if session is not None and self.provider is not None and not framed:
            with suppress(TryLater):
                address = await self.provider.sign_out_address(session.id_token) or address
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": address})
        self.console.sessions.end(response)
        self.console.drafts.drop(response, framed=framed)
        return response

    async def _as_sample_person(self, raw: web.Request, name: str, return_to: str) -> web.StreamResponse:
        people = self._people()
        person = people.find(name)
        if person is None:
            return self._not_signed_in(raw, "There is no such sample person. Choose one of these.")
        now = self.console.clock.now()
        until = datetime.fromtimestamp(now.timestamp() + TOKEN_LASTS_S, now.tzinfo)
        tokens = ProviderTokens(
            access_token=people.sign(person, now), until=until, refresh_token=None, id_token=None
        )
        return await self._let_in(raw, tokens, return_to)

    async def _let_in(self, raw: web.Request, tokens: ProviderTokens, return_to: str) -> web.StreamResponse:
        try:
            session = await open_session(self.console, tokens)
        except TooMany:
            raise
        except ServiceRefused as refused:
            return self._not_signed_in(raw, f"The services do not take this login: {refused.detail}")
        response = see(raw, See(path=return_to or failures.home(session.person)))
        self.console.sessions.end(response)
        self.console.sessions.write(response, session)
        return response

    def _not_signed_in(self, raw: web.Request, why: str) -> web.StreamResponse:
        values = {
            "people": self._people().people if self.people_path is not None else (),
            "return_to": "",
            "is_over": False,
            "why": why,
        }
        page = Page(template="sign_in.html", values=values, status=HTTPStatus.FORBIDDEN)
        return self.console.respond(raw, None, page)

    def _people(self) -> LocalPeople:
        return read_people(read_file(Path(str(self.people_path))))


async def open_session(console: Console, tokens: ProviderTokens, *, framed: bool = False) -> Session:
    """Return a new session for tokens; the registry says whose they are. Raises ServiceRefused or Away."""
    person = await person_of(console.services(tokens.access_token))
    now = console.clock.now()
    return Session(
        session_id=console.clock.random_bytes(16).hex(),
        person=person,
        token=tokens.access_token,
        token_until=tokens.until,
        began_at=now,
        used_at=now,
        framed=framed,
        refresh_token=tokens.refresh_token,
        id_token=tokens.id_token,
    )


def way_back(address: str) -> str:
    """Return the address to go back to, empty if it is not within the console: nobody is led elsewhere."""
    plain = address.isascii() and address.isprintable() and "\\" not in address
    return address if plain and address.startswith("/") and not address.startswith("//") else ""
