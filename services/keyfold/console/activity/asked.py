"""The question that a page's address asks the log: a range of time, and conditions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

RANGES: Final[Mapping[str, tuple[str, timedelta]]] = {
    "24h": ("24 hours", timedelta(hours=24)),
    "7d": ("7 days", timedelta(days=7)),
    "30d": ("30 days", timedelta(days=30)),
    "90d": ("90 days", timedelta(days=90)),
}
DEFAULT_RANGE: Final = "7d"
KEPT: Final = timedelta(days=90)
CONDITIONS: Final = ("vendor_id", "key_id", "category", "access", "decision", "reason")
_DAYS: Final = re.compile(r"[0-9]{2,9}d")
_SHOWN_MAX: Final = 40
CHARTS: Final[Mapping[str, str]] = {"decision": "answer", "category": "category"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityQuestion:
    """A question to the log. `too_far`: more was asked for than is kept, so it covers 90 days.

    `not_understood` has what the address says and nobody can read, such as `day=tuesday`.
    """

    range: str
    since: datetime
    until: datetime | None
    conditions: Mapping[str, str]
    chart: str
    cursor: str | None
    too_far: bool = False
    day: str = ""
    not_understood: Sequence[str] = ()

    @classmethod
    def of(cls, query: Mapping[str, str], now: datetime, zone: ZoneInfo) -> ActivityQuestion:
        """Return the question of an address, without parts that are wrong."""
        # A margin, as a question about the oldest time is asked a little later.
        first = now - KEPT + timedelta(minutes=1)
        asked_day = _day(query.get("day", ""), zone)
        is_gone = asked_day is not None and asked_day[1] <= first
        day = None if is_gone else asked_day
        asked_range = query.get("range") or DEFAULT_RANGE
        is_further = asked_range not in RANGES and _DAYS.fullmatch(asked_range) is not None
        named = "90d" if is_gone or is_further else asked_range
        since, until = day or (now - RANGES.get(named, RANGES[DEFAULT_RANGE])[1], None)
        wrong = {
            "day": bool(query.get("day")) and asked_day is None,
            "range": asked_range not in RANGES and not is_further,
            "chart": bool(query.get("chart")) and query["chart"] not in CHARTS,
        }
        return cls(
            range="" if day else named if named in RANGES else DEFAULT_RANGE,
            since=max(since, first),
            until=until,
            conditions={name: query[name] for name in CONDITIONS if query.get(name)},
            chart=query["chart"] if query.get("chart") in CHARTS else "decision",
            cursor=query.get("cursor") or None,
            too_far=is_gone or is_further or (day is not None and day[0] < first),
            day=query.get("day", "") if day else "",
            not_understood=[f"{name}={query[name][:_SHOWN_MAX]}" for name in wrong if wrong[name]],
        )

    @property
    def bucket(self) -> str:
        """The chart's unit: `hour` or `day`."""
        return "hour" if self.range == "24h" or self.day else "day"

    def to_audit(self) -> dict[str, str]:
        """Return the question as the audit service's query."""
        until = {} if self.until is None else {"until": _rfc3339(self.until)}
        return {**self.conditions, "since": _rfc3339(self.since), **until}

    def address(self, path: str, **other: str | None) -> str:
        """Return the address of a page with this question, and with these changes."""
        said = {**self.conditions, "chart": self.chart if self.chart != "decision" else None}
        when = (
            {"day": self.day} if self.day else {"range": self.range if self.range != DEFAULT_RANGE else None}
        )
        query = {name: value for name, value in {**said, **when, **other}.items() if value}
        return f"{path}?{urlencode(query)}" if query else path

    def is_filtered(self) -> bool:
        """Whether there are conditions besides the range."""
        return bool(self.conditions)


def _day(text: str, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """Return a day's beginning and end in the reader's zone; when clocks change it is not 24 hours long."""
    try:
        begins = datetime.combine(date.fromisoformat(text), time(), zone)
        return begins.astimezone(UTC), (begins + timedelta(days=1)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def buckets(since: datetime, until: datetime, bucket: str) -> Sequence[datetime]:
    """Return the beginnings of the hours or days, in UTC, that the range touches."""
    step = timedelta(hours=1) if bucket == "hour" else timedelta(days=1)
    first = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first = first if bucket == "hour" else first.replace(hour=0)
    return [first + number * step for number in range(int((until - first) / step) + (until > first))]
