"""Sessions: who is signed in, sealed into a cookie, for a limited time and while it is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
from aiohttp import web

from keyfold.console.browser.cookies import Cookie
from keyfold.console.browser.sealing import Seal
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.clock import Clock

_COOKIES: Final = {
    framed: Cookie(name="keyfold-framed" if framed else "keyfold", framed=framed) for framed in (False, True)
}
_RENEWED_AFTER_S: Final = 60
"""How old a session's last use may be before the cookie is updated."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in, according to the registry: a login that is bound to nothing has no role."""

    sub: str
    role: Role | None = None
    account_id: str | None = None
    vendor_id: str | None = None

    @property
    def tenant(self) -> str:
        """Whose share of the console's connections the person uses."""
        return self.account_id or self.vendor_id or self.sub


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A person's session. `token` is the access token for every service.

    It expires at `token_until`; `refresh_token` gets another one, if the provider gave one.
    """

    session_id: str
    person: Person
    token: str
    token_until: datetime
    began_at: datetime
    used_at: datetime
    framed: bool = False
    refresh_token: str | None = None
    id_token: str | None = None

    def __repr__(self) -> str:
        return f"Session({self.person})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Reads sessions from requests, and writes them into responses."""

    seal: Seal[Session]
    clock: Clock
    max_s: int
    idle_s: int

    def read(self, cookies: Mapping[str, str]) -> Session | None:
        """Return a request's session, None if there is none or it is over."""
        for framed in (True, False):  # in a frame of the same site a browser may send both
            sealed = _COOKIES[framed].read(cookies)
            session = None if sealed is None else self.seal.open(sealed)
            if session is not None and session.framed is framed and self._goes_on(session):
                return session
        return None

    def has_cookie(self, cookies: Mapping[str, str]) -> bool:
        """Tell whether a request has a session's cookie, even if it is over."""
        return any(cookie.read(cookies) is not None for cookie in _COOKIES.values())

    def has_frame_cookie(self, cookies: Mapping[str, str]) -> bool:
        """Tell whether a request has a cookie of a frame's session, even if it is over."""
        return _COOKIES[True].read(cookies) is not None

    def keep(self, response: web.StreamResponse, session: Session) -> None:
        """Record in the cookie that the session was used, at most once a minute."""
        now = self.clock.now()
        if (now - session.used_at).total_seconds() >= _RENEWED_AFTER_S:
            self.write(response, msgspec.structs.replace(session, used_at=now))

    def write(self, response: web.StreamResponse, session: Session) -> None:
        """Set the session's cookie in a response."""
        _COOKIES[session.framed].write(response, self.seal.close(session))

    def end(self, response: web.StreamResponse) -> None:
        """Delete every session from the browser."""
        for cookie in _COOKIES.values():
            cookie.clear(response)

    def _goes_on(self, session: Session) -> bool:
        now = self.clock.now()
        in_use = now - session.used_at < timedelta(seconds=self.idle_s)
        return in_use and now - session.began_at < timedelta(seconds=self.max_s)
