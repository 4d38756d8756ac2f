"""Which vendor a login is: the one that it acts for, or the one that it applied for last."""

from __future__ import annotations

from typing import Final

from keyfold.console.upstream.failures import JsonObject
from keyfold.console.web.view import Visit
from keyfold.runtime.auth.caller import Role

PATH: Final = "/vendor"
VENDOR: Final = frozenset[Role | None]({Role.VENDOR})
MAY_APPLY: Final = VENDOR | {None}
"""Includes a login that is not bound to anything yet."""


async def own_vendor(visit: Visit) -> JsonObject | None:
    """Return the vendor of whoever is signed in, None if there is none yet."""
    if visit.person.role is None:
        return None
    if visit.person.vendor_id is not None:
        return await visit.services.get("registry", visit.vendor)
    page = await visit.services.get("registry", "/v1/vendors", {"limit": "1"})
    return next(iter(page["items"]), None)


def at_registry(vendor: JsonObject) -> str:
    """Return a vendor's path at the registry."""
    return f"/v1/vendors/{vendor['vendor_id']}"
