"""The headers that restrict what a browser may do with an answer."""

from __future__ import annotations

from typing import Final

from aiohttp import web

_SOURCES: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "font-src 'none'; base-uri 'none'; object-src 'none'; form-action 'self'"
)


def secure(response: web.StreamResponse, *, frame_ancestors: str = "", form_action: str = "") -> None:
    """Let a browser load nothing from elsewhere, keep nothing, and show it only in the named sites' frames.

    `form_action` is where else a form's answer may redirect to: browsers apply this rule to redirects too.
    """
    sources = _SOURCES + (f" {form_action}" if form_action else "")
    policy = f"{sources}; frame-ancestors {frame_ancestors or chr(39) + 'none' + chr(39)}"
    response.headers.update(
        {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "clipboard-write=(self), camera=(), microphone=(), geolocation=()",
        }
    )
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cache-Control", "no-store")
    if not frame_ancestors:
        response.headers["X-Frame-Options"] = "DENY"
