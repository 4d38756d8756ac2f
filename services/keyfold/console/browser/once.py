"""A secret on its way to the one page that shows it: sealed, for two minutes, and gone once it was shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from aiohttp import web

from keyfold.console.browser.cookies import Cookie
from keyfold.console.browser.sealing import Seal

SECRET_LASTS_S: Final = 120


class NewSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A key's secret, the session and page that may show it, and what the page warns of."""

    session_id: str
    path: str
    secret: str
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsOnce:
    """Hands a secret from the answer that made it to the page that shows it, so that no reload makes another.

    The browser holds it sealed: neither the console nor the address keeps it.
    """

    seal: Seal[NewSecret]

    def give(self, response: web.StreamResponse, new: NewSecret, *, framed: bool) -> None:
        """Put it into a response."""
        _cookie(framed).write(response, self.seal.close(new))

    def take(self, cookies: Mapping[str, str], *, session_id: str, path: str, framed: bool) -> str | None:
        """Return the secret for a page of a session, None where it was shown or never was."""
        new = self.find(cookies, session_id=session_id, path=path, framed=framed)
        return None if new is None else new.secret

    def find(
        self, cookies: Mapping[str, str], *, session_id: str, path: str, framed: bool
    ) -> NewSecret | None:
        """Return the same with what the page warns of."""
        sealed = _cookie(framed).read(cookies)
        new = None if sealed is None else self.seal.open(sealed)
        return new if new is not None and (new.session_id, new.path) == (session_id, path) else None

    def drop(self, response: web.StreamResponse, *, framed: bool) -> None:
        """Take it from the browser."""
        _cookie(framed).clear(response)


def _cookie(framed: bool) -> Cookie:
    return Cookie(name="keyfold-secret", framed=framed)
