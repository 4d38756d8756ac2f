"""The integrations that a practice may let use its keys, and their names."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from keyfold.console.upstream.failures import JsonObject
from keyfold.console.upstream.known import answer_or_unknown
from keyfold.console.web.view import Visit

SHOWN_MAX: Final = 12
"""How many integrations a form shows; others must be searched for."""
_PAGE_ITEMS: Final = 100


async def approved_vendors(visit: Visit) -> list[JsonObject]:
    """Return all approved vendors, by name."""
    found: list[JsonObject] = []
    query = {"limit": str(_PAGE_ITEMS)}
    while True:
        page = await visit.services.get("registry", "/v1/vendors", query)
        found += page["items"]
        if page["next_cursor"] is None:
            return sorted(found, key=lambda vendor: (str(vendor["name"]).casefold(), vendor["vendor_id"]))
        query = {**query, "cursor": page["next_cursor"]}


async def names_of(visit: Visit, vendor_ids: Iterable[str] | None) -> dict[str, str]:
    """Return vendors' names by their ids; one that is not approved, or not known now, is missing."""
    paths = [f"/v1/vendors/{vendor_id}" for vendor_id in vendor_ids or ()]
    found = await asyncio.gather(*(answer_or_unknown(visit.services.get("registry", path)) for path in paths))
    return names(vendor for vendor in found if isinstance(vendor, dict))


def names(vendors: Iterable[JsonObject]) -> dict[str, str]:
    """Return vendors' names by their ids."""
    return {vendor["vendor_id"]: vendor["name"] for vendor in vendors}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The integrations that a form offers: those chosen and those found; `left` more are not shown."""

    vendors: Sequence[JsonObject]
    left: int
    is_searched: bool


def make_offer(vendors: Sequence[JsonObject], chosen: Collection[str], find: str) -> Offer:
    """Return what to offer to somebody who searches for names with each word of a text."""
    wanted = find.casefold().split()
    first = [vendor for vendor in vendors if vendor["vendor_id"] in chosen]
    others = [
        vendor
        for vendor in vendors
        if vendor["vendor_id"] not in chosen and all(word in vendor["name"].casefold() for word in wanted)
    ]
    shown = others[:SHOWN_MAX]
    return Offer(
        vendors=[*first, *shown], left=len(others) - len(shown), is_searched=len(vendors) > SHOWN_MAX
    )
