"""A secret on its way to the one page that shows it: sealed, for two minutes, and deleted once shown."""

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

    def __repr__(self) -> str:
        return f"NewSecret({self.path})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsOnce:
    """Carries a secret from the answer that made it to the page that shows it: no reload makes another.

    The browser keeps it, sealed: neither the console nor an address does.
    """

    seal: Seal[NewSecret]

    def give(self, response: web.StreamResponse, new: NewSecret, *, framed: bool) -> None:
        """Put a secret into a response."""
        _cookie(framed).write(response, self.seal.close(new))

    def take(self, cookies: Mapping[str, str], *, session_id: str, path: str, framed: bool) -> str | None:
        """Return the secret for a page of a session, None if it was shown already or there is none."""
        new = self.find(cookies, session_id=session_id, path=path, framed=framed)
        return None if new is None else new.secret

    def find(
        self, cookies: Mapping[str, str], *, session_id: str, path: str, framed: bool
    ) -> NewSecret | None:
        """Return the secret with the page's warnings, None as above."""
        sealed = _cookie(framed).read(cookies)
        new = None if sealed is None else self.seal.open(sealed)
        return new if new is not None and (new.session_id, new.path) == (session_id, path) else None

    def drop(self, response: web.StreamResponse, *, framed: bool) -> None:
        """Delete it from the browser."""
        _cookie(framed).clear(response)


def _cookie(framed: bool) -> Cookie:
    return Cookie(name="keyfold-secret", framed=framed)
