"""The files that pages need: styles, scripts and pictures, which a browser may keep for ever."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from keyfold.console.web.rendering import STATIC, has_asset

HTMX: Final = "vendor/htmx.min.js"
PATH: Final = "/static/{digest}/{name:.+}"
_MAX_AGE_S: Final = 365 * 86_400
_FILES: Final = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    HTMX: "text/javascript",
    "icon.svg": "image/svg+xml",
}


async def serve_asset(raw: web.Request) -> web.StreamResponse:
    """Return a file, whose address has a hash of its content. Raises HTTPNotFound."""
    name = raw.match_info["name"]
    if name not in _FILES or not has_asset(name):
        raise web.HTTPNotFound
    response = web.Response(body=(STATIC / name).read_bytes(), content_type=_FILES[name], charset="utf-8")
    response.headers["Cache-Control"] = f"public, max-age={_MAX_AGE_S}, immutable"
    response.enable_compression()
    return response
