"""Leading a browser to another page, with a notice to show there."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

from aiohttp import web

from keyfold.console.browser.cookies import Cookie
from keyfold.console.web.view import See, is_part


def see(raw: web.Request, shown: See, *, framed: bool = False) -> web.StreamResponse:
    """Lead a browser to another page of the console."""
    headers = {"HX-Redirect": shown.path} if is_part(raw) else {"Location": shown.path}
    status = HTTPStatus.NO_CONTENT if "HX-Redirect" in headers else HTTPStatus.SEE_OTHER
    response = web.Response(status=status, headers=headers)
    if shown.notice:
        notice(framed=framed).write(response, quote(shown.notice))
    return response


def notice(*, framed: bool) -> Cookie:
    """Return the cookie with the next page's notice of what was done, quoted."""
    return Cookie(name="keyfold-notice", framed=framed)
