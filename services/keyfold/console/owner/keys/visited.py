"""The key that a visit is about: where its page is, where the services have it, and which version of it."""

from __future__ import annotations

from typing import Final

from keyfold.console.owner.api_page import PATH
from keyfold.console.upstream.failures import JsonObject
from keyfold.console.web.view import See, Visit

KEYS: Final = f"{PATH}/keys"
NEW: Final = f"{KEYS}/new"
STOP: Final = f"{PATH}/stop"
# What is no id never becomes a part of a service's address.
KEY: Final = f"{KEYS}/{{key_id:[A-Za-z0-9_]{{1,40}}}}"


def page_of(key_id: str) -> str:
    """Return the address of a key's page."""
    return f"{KEYS}/{key_id}"


def key_page(visit: Visit) -> str:
    """Return the address of the page of the key that the visit is about."""
    return page_of(visit.path["key_id"])


def key_at(visit: Visit) -> str:
    """Return the path of that key at the services."""
    return f"{visit.account}/keys/{visit.path['key_id']}"


async def live_key(visit: Visit) -> JsonObject | See:
    """Return the key, or its page, where it is revoked and can be changed no more. Raises NotFound."""
    key = await visit.services.get("registry", key_at(visit))
    if key["state"] == "revoked":
        return See(
            path=key_page(visit), notice="This key is revoked, for ever. It cannot be changed any more."
        )
    return key


def version_of(visit: Visit) -> int:
    """Return the version that a form was made for; one that names none fits no key."""
    return visit.version or 0
