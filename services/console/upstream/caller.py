"""Who somebody is, as the registry says at this moment."""

from __future__ import annotations

from libs.runtime.auth import Role
from services.console.browser.session import Person
from services.console.upstream.services import Services


async def person_of(services: Services) -> Person:
    """Return whose the token is. Raises Refused or Away."""
    caller = await services.get("registry", "/v1/caller")
    return Person(
        sub=caller["sub"],
        role=None if caller["role"] is None else Role(caller["role"]),
        account_id=caller["account_id"],
        vendor_id=caller["vendor_id"],
    )
