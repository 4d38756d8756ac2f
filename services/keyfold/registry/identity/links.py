"""Links that work once, over HTTP: whoever is shown a link spends it here before acting on it.

What a link carries is its maker's business. Which links were spent, every registry knows.
"""

from datetime import timedelta
from hashlib import sha256
from typing import Final

from keyfold.registry.identity.bodies import LinkToSpend
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import Answer, AnyLogin, AnyRoute, FieldError, Problem, Reply, Request, Route
from keyfold.store.ledger.spent_links import SpentLinks

LIFE_MAX: Final = timedelta(minutes=2)

_TOO_LONG: Final = Problem(
    status=422,
    slug="link-too-long",
    detail="A link is over within two minutes.",
    errors=(FieldError(pointer="/expires_at", detail="it is more than two minutes from now"),),
)
_SPENT: Final = Problem(status=409, slug="link-spent", detail="The link was used already; it works once.")
_OVER: Final = Problem(status=409, slug="link-over", detail="The link is over; ask for a new one.")


class Links:
    """The call that spends a link."""

    def __init__(self, spent: SpentLinks, clock: Clock) -> None:
        self._spent = spent
        self._clock = clock

    def routes(self) -> list[AnyRoute]:
        """Return the row of the route table."""
        return [
            Route(
                method="POST",
                path="/v1/links/spend",
                handler=self.spend_link,
                rule=AnyLogin(),
                summary="Spend a link: the first call does it, and any later one is told that it was spent.",
                body=LinkToSpend,
                status=204,
                refusals=(409,),
            )
        ]

    async def spend_link(self, request: Request[LinkToSpend, None]) -> Reply:
        """Spend a link; only its digest is kept, and only until the link is over."""
        link, now = request.body, self._clock.now()
        if link.expires_at <= now:
            return _OVER
        if link.expires_at > now + LIFE_MAX:
            return _TOO_LONG
        digest = sha256(link.link_id.encode()).digest()
        return Answer() if await self._spent.spend(digest, link.expires_at) else _SPENT
