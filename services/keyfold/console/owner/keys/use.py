"""A key's use in the last 30 days: requests that passed, by integration, category and access."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from keyfold.console.owner.api_page import USE_DAYS
from keyfold.console.owner.keys.visited import key_at
from keyfold.console.owner.terms.wording import describe_use
from keyfold.console.upstream.failures import JsonObject
from keyfold.console.upstream.known import Unknown, answer_or_unknown
from keyfold.console.upstream.lists import read_all_counts
from keyfold.console.web.rendering import instant
from keyfold.console.web.view import Visit


async def count_passed(visit: Visit) -> list[JsonObject]:
    """Return counts of a key's requests that passed."""
    first = visit.now.date() - timedelta(days=USE_DAYS - 1)
    query = {
        "bucket": "day",
        "by": "vendor,category,access",
        "decision": "allow",
        "since": f"{first.isoformat()}T00:00:00Z",
    }
    return await read_all_counts(visit.services, f"{key_at(visit)}/activity", query)


async def permission_uses(visit: Visit, key: JsonObject) -> Mapping[str, Any]:
    """Return how each permission of a key was used, as `uses`, and what is not known."""
    counts, most = await asyncio.gather(
        answer_or_unknown(count_passed(visit)), answer_or_unknown(_read_most_used(visit))
    )
    by_category: Counter[str] = Counter()
    if not isinstance(counts, Unknown):
        for each in counts:
            by_category[each["category"] or ""] += each["requests"]
    is_young = key["last_used_at"] is None or visit.now - instant(key["created_at"]) < timedelta(
        days=USE_DAYS
    )
    uses = {
        name: describe_use(
            granted,
            None if isinstance(counts, Unknown) else by_category[name],
            None if isinstance(most, Unknown) else most.get(name),
            is_young=is_young,
        )
        for name, granted in key["permissions"].items()
        if granted != "none"
    }
    return {"uses": uses, "missing": counts if isinstance(counts, Unknown) else None}


async def _read_most_used(visit: Visit) -> Mapping[str, str | None]:
    """Return the highest access that was used of each granted category; None if that is not known."""
    found = await visit.services.get(
        "registry", f"{key_at(visit)}/unused-permissions", {"days": str(USE_DAYS)}
    )
    return {each["category"]: each["used"] for each in found["categories"]}
