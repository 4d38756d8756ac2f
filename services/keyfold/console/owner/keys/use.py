"""How a key was used in the last 30 days: what passed, by integration, category and access."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from keyfold.console.owner.api_page import USE_DAYS
from keyfold.console.owner.keys.visited import key_at
from keyfold.console.owner.terms.wording import used
from keyfold.console.upstream.failures import JsonObject
from keyfold.console.upstream.known import Unknown, known
from keyfold.console.upstream.lists import every_count
from keyfold.console.web.rendering import instant
from keyfold.console.web.view import Visit


async def passed_in_30_days(visit: Visit) -> list[JsonObject]:
    """Return counts of the requests of a key that passed."""
    first = visit.now.date() - timedelta(days=USE_DAYS - 1)
    query = {
        "bucket": "day",
        "by": "vendor,category,access",
        "decision": "allow",
        "since": f"{first.isoformat()}T00:00:00Z",
    }
    return await every_count(visit.services, f"{key_at(visit)}/activity", query)


async def permission_uses(visit: Visit, key: JsonObject) -> Mapping[str, Any]:
    """Return how each permission that a key has was used, as `uses`, and what could not be learned."""
    counts, most = await asyncio.gather(known(passed_in_30_days(visit)), known(_most_used(visit)))
    by_category: Counter[str] = Counter()
    if not isinstance(counts, Unknown):
        for each in counts:
            by_category[each["category"] or ""] += each["requests"]
    is_young = key["last_used_at"] is None or visit.now - instant(key["created_at"]) < timedelta(
        days=USE_DAYS
    )
    uses = {
        name: used(
            granted,
            None if isinstance(counts, Unknown) else by_category[name],
            None if isinstance(most, Unknown) else most.get(name),
            is_young=is_young,
        )
        for name, granted in key["permissions"].items()
        if granted != "none"
    }
    return {"uses": uses, "missing": counts if isinstance(counts, Unknown) else None}


async def _most_used(visit: Visit) -> Mapping[str, str | None]:
    """Return the most that was used of each category that a key was granted; None where that is not known."""
    found = await visit.services.get(
        "registry", f"{key_at(visit)}/unused-permissions", {"days": str(USE_DAYS)}
    )
    return {each["category"]: each["used"] for each in found["categories"]}
