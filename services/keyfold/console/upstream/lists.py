"""Reading whole lists from the services, which answer in pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from keyfold.console.upstream.failures import JsonObject
from keyfold.console.upstream.services import Services

PAGE_ITEMS: Final = 100
COUNTS: Final = "10000"


async def read_all(
    services: Services,
    service: str,
    path: str,
    query: Mapping[str, str] | None = None,
    *,
    items_max: int,
    page_items: int = PAGE_ITEMS,
) -> list[JsonObject]:
    """Return at most `items_max` items of a list, read `page_items` at a time."""
    asked = {**(query or {}), "limit": str(min(page_items, items_max))}
    items: list[JsonObject] = []
    while True:
        page = await services.get(service, path, asked)
        items += page["items"]
        if page["next_cursor"] is None or len(items) >= items_max:
            return items[:items_max]
        asked = {**asked, "cursor": page["next_cursor"]}


async def read_all_counts(services: Services, path: str, query: Mapping[str, str]) -> list[JsonObject]:
    """Return all counts of an activity summary; days, keys and reasons bound their number."""
    asked = {**query, "limit": COUNTS}
    items: list[JsonObject] = []
    while True:
        page = await services.get("audit", f"{path}/summary", asked)
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        asked = {**asked, "cursor": page["next_cursor"]}
