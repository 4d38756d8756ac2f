"""Copy your key now: the one page that shows a new secret, once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from keyfold.console.owner.api_page import OWNER
from keyfold.console.owner.keys.visited import KEY, key_at, key_page, page_of
from keyfold.console.upstream.failures import JsonObject
from keyfold.console.upstream.known import answer_or_unknown
from keyfold.console.web.app import Console
from keyfold.console.web.handing_over import HandingOver
from keyfold.console.web.view import Page, Shown, View, Visit, views_of

# From the shipped route map of the practice API: an example to copy, which decides nothing.
_PATHS: Final = {
    "appointment": "/v1/appointment",
    "patient": "/v1/patient",
    "contact": "/v1/contact",
    "files": "/v1/patient_attachment",
    "clinical": "/v1/note",
    "financial": "/v1/patient_account",
    "system": "/v1/business",
}


class SecretPage:
    """Shows a secret to the session that made it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._handing_over = HandingOver(console)

    def views(self) -> list[View]:
        """Return the page's row of the route table."""
        return [*views_of(f"{KEY}/secret", OWNER, self.show)]

    def hand_over(self, visit: Visit, made: JsonObject) -> web.StreamResponse:
        """Lead to the page that shows the secret in a command's answer."""
        path = f"{page_of(made['key']['key_id'])}/secret"
        warnings = [each["detail"] for each in made.get("warnings", [])]
        return self._handing_over.lead_to(visit, path, made["secret"], warnings)

    async def show(self, visit: Visit) -> Shown:
        """Show the secret, or say that it was shown already."""
        new, address = self._handing_over.find(visit), key_page(visit)
        if new is None:
            return Page(template="owner/keys/shown_once.html", values={"address": address}, status=410)
        key = await answer_or_unknown(visit.services.get("registry", key_at(visit)))
        permissions = {} if not isinstance(key, dict) else key["permissions"]
        values = {
            "address": address,
            "key": key,
            "secret": new.secret,
            "warnings": new.warnings,
            "curl": curl(self._console, permissions, new.secret),
        }
        return self._handing_over.show(visit, Page(template="owner/keys/secret.html", values=values))


def curl(console: Console, permissions: Mapping[str, str], secret: str) -> str:
    """Return a command that reads something the key may read; the integration adds its own key."""
    readable = [path for name, path in _PATHS.items() if permissions.get(name, "none") != "none"]
    path = (readable or ["/"])[0]
    return (
        f"curl -i '{console.api_url}{path}' \\\n"
        f"  -H '{console.vendor_key_header}: VENDOR_KEY' \\\n"
        f"  -H '{console.subscriber_key_header}: {secret}'"
    )
