"""Who somebody is, according to the registry now."""

from __future__ import annotations

from keyfold.console.browser.session import Person
from keyfold.console.upstream.services import Services
from keyfold.runtime.auth.caller import Role


async def person_of(services: Services) -> Person:
    """Return the person of a token. Raises ServiceRefused or Away."""
    caller = await services.get("registry", "/v1/caller")
    return Person(
        sub=caller["sub"],
        role=None if caller["role"] is None else Role(caller["role"]),
        account_id=caller["account_id"],
        vendor_id=caller["vendor_id"],
    )
