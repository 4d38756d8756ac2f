"""What a page of activity adds up: the chart's bars, the busiest integrations, the commonest refusals."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from services.console import words
from services.console.activity.asked import Asked, buckets
from services.console.upstream.failures import JsonObject
from services.console.web.view import Visit

TOP: Final = 5
_BARS_MAX: Final = 31
_PAGES_MAX: Final = 3
ANSWERS: Final[Mapping[str, str]] = {"allow": "Allowed", "deny": "Denied"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Bars over time: a label for each, and for each series its name in words and its counts."""

    labels: Sequence[str]
    series: Sequence[tuple[str, Sequence[int]]]
    unit: str

    @property
    def total(self) -> int:
        """All requests in it."""
        return sum(sum(counts) for _, counts in self.series)


async def counts(visit: Visit, path: str, asked: Asked, by: str, **more: str) -> list[JsonObject]:
    """Return the log's counts for a question, told apart by one thing."""
    query = {**asked.to_audit(), "bucket": asked.bucket, "by": by, **more}
    items: list[JsonObject] = []
    for _ in range(_PAGES_MAX):
        page = await visit.services.get("audit", f"{path}/summary", query)
        items += page["items"]
        if page["next_cursor"] is None:
            break
        query = {**query, "cursor": page["next_cursor"]}
    return items


async def chart(visit: Visit, path: str, asked: Asked) -> Chart:
    """Return the chart of a question: by answer or by category."""
    items = await counts(visit, path, asked, asked.chart)
    starts = buckets(asked.since, asked.until or visit.now, asked.bucket)
    width = 7 if len(starts) > _BARS_MAX and asked.bucket == "day" else 1
    grouped = [starts[at : at + width] for at in range(0, len(starts), width)]
    place = {start: number for number, group in enumerate(grouped) for start in group}
    found: dict[str, list[int]] = defaultdict(lambda: [0] * len(grouped))
    for item in items:
        number = place.get(datetime.fromisoformat(item["start"]))
        if number is not None:
            found[item[asked.chart] or ""][number] += item["requests"]
    order = ANSWERS if asked.chart == "decision" else words.CATEGORIES
    names = [*(name for name in order if name in found), *sorted(set(found) - set(order))]
    series = [(order.get(name, name or "No category"), tuple(found[name])) for name in names]
    labels = tuple(_label(group[0], asked.bucket, visit.zone) for group in grouped)
    return Chart(labels=labels, series=series, unit="week" if width == 7 else asked.bucket)


def _label(start: datetime, bucket: str, zone: ZoneInfo) -> str:
    if bucket == "hour":
        return f"{start.astimezone(zone):%H:%M}"
    # Days are counted in UTC, and are called what they are there.
    return f"{start.day} {start:%b}"


async def busiest(visit: Visit, path: str, asked: Asked, by: str) -> list[tuple[str, int]]:
    """Return the ids that asked most, with how often."""
    total: Counter[str] = Counter()
    for item in await counts(visit, path, asked, by):
        if item[by] is not None:
            total[item[by]] += item["requests"]
    return total.most_common(TOP)


async def refused(visit: Visit, path: str, asked: Asked) -> list[tuple[str, int]]:
    """Return the reasons that requests were denied for most, with how often."""
    total: Counter[str] = Counter()
    for item in await counts(visit, path, asked, "reason", decision="deny"):
        if item["reason"] is not None:
            total[item["reason"]] += item["requests"]
    return total.most_common(TOP)
