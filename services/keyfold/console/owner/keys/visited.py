"""The key that a visit is about: its page's address, its path at the services, and its version."""

from __future__ import annotations

from typing import Final

from keyfold.console.owner.api_page import PATH
from keyfold.console.upstream.failures import JsonObject
from keyfold.console.web.view import See, Visit

KEYS: Final = f"{PATH}/keys"
NEW: Final = f"{KEYS}/new"
STOP: Final = f"{PATH}/stop"
# Text that is not an id must never become a part of a service's address.
KEY: Final = f"{KEYS}/{{key_id:[A-Za-z0-9_]{{1,40}}}}"


def page_of(key_id: str) -> str:
    """Return the address of a key's page."""
    return f"{KEYS}/{key_id}"


def key_page(visit: Visit) -> str:
    """Return the address of the page of the visit's key."""
    return page_of(visit.path["key_id"])


def key_at(visit: Visit) -> str:
    """Return the path of the visit's key at the services."""
    return f"{visit.account}/keys/{visit.path['key_id']}"


async def live_key(visit: Visit) -> JsonObject | See:
    """Return the key, or a redirect to its page if it is revoked and so final. Raises NotFound."""
    key = await visit.services.get("registry", key_at(visit))
    if key["state"] == "revoked":
        return See(
            path=key_page(visit), notice="This key is revoked, for ever. It cannot be changed any more."
        )
    return key


def version_of(visit: Visit) -> int:
    """Return the version that a form was made for; a form without one gets a version that fits no key."""
    return visit.version or 0
