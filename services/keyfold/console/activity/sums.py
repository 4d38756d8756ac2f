"""What a page of activity adds up: the chart's bars, the busiest integrations, the most common refusals."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from keyfold.console import words
from keyfold.console.activity.asked import ActivityQuestion, buckets
from keyfold.console.upstream.failures import JsonObject
from keyfold.console.upstream.lists import read_all_counts
from keyfold.console.web.view import Visit

TOP: Final = 5
_BARS_MAX: Final = 31
_NEWEST: Final = "100"
# A version such as v1 contains a digit too.
_NAMES_ONE: Final = re.compile(r"^(?!v\d+$).*\d")
ANSWERS: Final[Mapping[str, str]] = {"allow": "Allowed", "deny": "Denied"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Counts over time of one answer or category, with its name and its label."""

    name: str
    said: str
    counts: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Bars over time: a label for each, and its height in each series."""

    labels: Sequence[str]
    series: Sequence[Series]
    unit: str

    @property
    def total(self) -> int:
        """The number of all requests."""
        return sum(sum(each.counts) for each in self.series)

    @property
    def most(self) -> int:
        """The height of the highest bar of one series."""
        return max((count for each in self.series for count in each.counts), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """A reason of denials: how many there were, and what the newest of them asked for."""

    reason: str
    requests: int
    endpoints: Sequence[tuple[str, int]]


async def read_counts(
    visit: Visit, path: str, asked: ActivityQuestion, by: str, **more: str
) -> list[JsonObject]:
    """Return the log's counts for a question, grouped by one thing."""
    query = {**asked.to_audit(), "bucket": asked.bucket, "by": by, **more}
    return await read_all_counts(visit.services, path, query)


async def summarise(
    visit: Visit, path: str, asked: ActivityQuestion, *, by_endpoint: bool
) -> tuple[Chart, Sequence[Refusals]]:
    """Return the chart of a question, by answer or by category, and why requests were denied most.

    Counts grouped by reason give the answers too. `by_endpoint` adds what was asked for.
    """
    if asked.chart == "decision":
        items = denied = await read_counts(visit, path, asked, "reason")
    else:
        items, denied = await asyncio.gather(
            read_counts(visit, path, asked, asked.chart),
            read_counts(visit, path, asked, "reason", decision="deny"),
        )
    endpoints = await _endpoints(visit, path, asked) if by_endpoint and any(map(_is_denied, denied)) else {}
    return _chart(items, visit, asked), _rank_refusals(denied, endpoints)


def _is_denied(item: JsonObject) -> bool:
    return item["reason"] is not None


def _series_of(item: JsonObject, asked: ActivityQuestion) -> str:
    if asked.chart == "decision":
        return "deny" if _is_denied(item) else "allow"
    return item["category"] or ""


def _chart(items: Sequence[JsonObject], visit: Visit, asked: ActivityQuestion) -> Chart:
    starts = buckets(asked.since, asked.until or visit.now, asked.bucket)
    width = 7 if len(starts) > _BARS_MAX and asked.bucket == "day" else 1
    grouped = [starts[at : at + width] for at in range(0, len(starts), width)]
    place = {start: number for number, group in enumerate(grouped) for start in group}
    found: dict[str, list[int]] = defaultdict(lambda: [0] * len(grouped))
    for item in items:
        number = place.get(datetime.fromisoformat(item["start"]))
        if number is not None:
            found[_series_of(item, asked)][number] += item["requests"]
    order = ANSWERS if asked.chart == "decision" else words.CATEGORIES
    names = [*(name for name in order if name in found), *sorted(set(found) - set(order))]
    series = [
        Series(name=name, said=order.get(name, name or "No category"), counts=tuple(found[name]))
        for name in names
    ]
    labels = tuple(_label(group[0], asked.bucket, visit.zone) for group in grouped)
    return Chart(labels=labels, series=series, unit="week" if width == 7 else asked.bucket)


def _label(start: datetime, bucket: str, zone: ZoneInfo) -> str:
    if bucket == "hour":
        return f"{start.astimezone(zone):%H:%M}"
    # Days are counted in UTC, and are named by their date there.
    return f"{start.day} {start:%b}"


async def rank_busiest(visit: Visit, path: str, asked: ActivityQuestion) -> list[tuple[str, int]]:
    """Return the ids of the integrations that asked most, with their numbers of requests."""
    total: Counter[str] = Counter()
    for item in await read_counts(visit, path, asked, "vendor"):
        if item["vendor_id"] is not None:
            total[item["vendor_id"]] += item["requests"]
    return total.most_common(TOP)


def _rank_refusals(items: Sequence[JsonObject], endpoints: Mapping[str, Counter[str]]) -> Sequence[Refusals]:
    total: Counter[str] = Counter()
    for item in filter(_is_denied, items):
        total[item["reason"]] += item["requests"]
    return [
        Refusals(reason=reason, requests=count, endpoints=endpoints.get(reason, Counter()).most_common(TOP))
        for reason, count in total.most_common(TOP)
    ]


async def _endpoints(visit: Visit, path: str, asked: ActivityQuestion) -> Mapping[str, Counter[str]]:
    """Return what the newest denied requests asked for, by the reason of the denial."""
    query = {**asked.to_audit(), "decision": "deny", "limit": _NEWEST}
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for item in (await visit.services.get("audit", path, query))["items"]:
        if item["reason"] is not None:
            found[item["reason"]][f"{item['method']} {endpoint(item['path'])}"] += item["requests"]
    return found


def endpoint(path: str) -> str:
    """Return a path without ids: "/v1/patient/…" for "/v1/patient/7"."""
    parts = path.partition("?")[0].split("/")
    return "/".join("…" if _NAMES_ONE.search(part) else part for part in parts)
