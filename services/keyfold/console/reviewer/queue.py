"""The reviewers' first page: what waits for them, oldest first, and every other vendor by its state."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from keyfold.console.upstream.failures import JsonObject
from keyfold.console.upstream.known import answer_or_unknown
from keyfold.console.upstream.lists import read_all
from keyfold.console.vendor.own import at_registry
from keyfold.console.vendor.standing import missing_reviews
from keyfold.console.web.rendering import instant
from keyfold.console.web.view import Page, View, Visit, views_of
from keyfold.runtime.auth.caller import Role

PATH: Final = "/reviews"
REVIEWER: Final = frozenset[Role | None]({Role.REVIEWER})
LIST: Final = "/v1/vendors"
OTHERS: Final = ("approved", "suspended", "rejected")
WAITING_MAX: Final = 2000
SHOWN: Final = 50
OTHERS_SHOWN: Final = "20"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An application in the queue: since when, None if that is not known, and what it lacks."""

    vendor: JsonObject
    since: datetime | None
    lacks: Mapping[str, str]


class Queue:
    """The page itself, and the page with all vendors of one state."""

    def views(self) -> list[View]:
        """Return the rows of the route table."""
        return [*views_of(PATH, REVIEWER, self.show)]

    async def show(self, visit: Visit) -> Page:
        """Show what waits, and the newest vendors of each other state; or all of one state, in pages."""
        if visit.query.get("state") in OTHERS:
            return await self._of_state(visit, visit.query["state"])
        applied, others = await asyncio.gather(
            read_all(visit.services, "registry", LIST, {"state": "applied"}, items_max=WAITING_MAX),
            asyncio.gather(*(_newest(visit, state) for state in OTHERS)),
        )
        waiting = await _waiting(visit, applied[::-1][:SHOWN])
        values = {"waiting": waiting, "count": len(applied), "others": dict(zip(OTHERS, others, strict=True))}
        return Page(template="reviewer/queue.html", values=values)

    async def _of_state(self, visit: Visit, state: str) -> Page:
        cursor = visit.query.get("cursor")
        query = {"state": state, **({"cursor": cursor} if cursor else {})}
        page = await visit.services.get("registry", LIST, query)
        return Page(template="reviewer/of_state.html", values={"state": state, "page": page})


async def _newest(visit: Visit, state: str) -> JsonObject:
    return await visit.services.get("registry", LIST, {"state": state, "limit": OTHERS_SHOWN})


async def _waiting(visit: Visit, vendors: Sequence[JsonObject]) -> list[Waiting]:
    """Return applications by age; for a rejected vendor, its new application's age counts."""
    since = await asyncio.gather(*(_since(visit, vendor) for vendor in vendors))
    waiting = [
        Waiting(vendor=vendor, since=at, lacks=missing_reviews(vendor, visit.now))
        for vendor, at in zip(vendors, since, strict=True)
    ]
    return sorted(waiting, key=lambda each: each.since or visit.now)


async def _since(visit: Visit, vendor: JsonObject) -> datetime | None:
    query = {"type": "vendor.applied,vendor.reapplied", "limit": "1"}
    page = await answer_or_unknown(visit.services.get("registry", f"{at_registry(vendor)}/history", query))
    items = page["items"] if isinstance(page, dict) else []
    return instant(items[0]["at"]) if items else None
