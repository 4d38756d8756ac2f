"""Handing over a new secret, from the answer that made it to the one page that shows it once."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from keyfold.console.browser.once import NewSecret
from keyfold.console.web.app import Console
from keyfold.console.web.leading import see
from keyfold.console.web.view import Page, See, Visit


class HandingOver:
    """Leads to the page of a new secret, and shows it there."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def lead_to(
        self, visit: Visit, path: str, secret: str, warnings: Sequence[str] = ()
    ) -> web.StreamResponse:
        """Lead to the page at `path`, which may show the secret once and to this session alone."""
        response = see(visit.raw, See(path=path))
        session = visit.session
        new = NewSecret(session_id=session.session_id, path=path, secret=secret, warnings=warnings)
        self._console.secrets.give(response, new, framed=session.framed)
        return response

    def find(self, visit: Visit) -> NewSecret | None:
        """Return the secret that this visit's page may show, None if it was shown before."""
        session = visit.session
        return self._console.secrets.find(
            visit.raw.cookies, session_id=session.session_id, path=visit.raw.path, framed=session.framed
        )

    def show(self, visit: Visit, page: Page) -> web.StreamResponse:
        """Show a page with the secret, and make sure that none shows it again."""
        response = self._console.respond(visit.raw, visit.session, page)
        self._console.secrets.drop(response, framed=visit.session.framed)
        return response
