"""`keyfold activity summary`: how much of what data, over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

import typer

from keyfold.cli.command import command
from keyfold.cli.commands.activity.scope import (
    AccessFilter,
    ActivityLog,
    CategoryFilter,
    DecisionFilter,
    KeyFilter,
    ReasonFilter,
    Since,
    Unattributed,
    Until,
    VendorFilter,
    log_of,
)
from keyfold.cli.commands.parameters import AccountId
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Bars, Listing, Value
from keyfold.cli.times import instant, wire_text
from keyfold.client.failure import WrongUsage
from keyfold.client.http import JsonObject
from keyfold.domain.permissions import CATEGORIES
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.http import rfc3339

SPANS: Final[Mapping[str, timedelta]] = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
DEFAULT_BUCKETS: Final[Mapping[str, int]] = {"hour": 24, "day": 30}
NO_CATEGORY: Final = "—"
MOMENT: Final = timedelta(microseconds=1)

Bucket = Annotated[Literal["hour", "day"], typer.Option("--bucket", help="hour or day, in UTC.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "summary")(summarise_activity)


async def summarise_activity(
    keyfold: Keyfold,
    account: AccountId = None,
    key: KeyFilter = None,
    vendor_id: VendorFilter = None,
    unattributed: Unattributed = False,
    category: CategoryFilter = None,
    access: AccessFilter = None,
    decision: DecisionFilter = None,
    reason: ReasonFilter = None,
    since: Since = None,
    until: Until = None,
    bucket: Bucket = "day",
) -> Listing:
    """Count an account's requests by category, over the last 30 days, or 24 hours with `--bucket hour`."""
    now = SYSTEM_CLOCK.now()
    end = now if until is None else instant(until, "--until", now)
    begin = _default_begin(bucket, end) if since is None else instant(since, "--since", now)
    log = log_of(
        keyfold,
        account,
        vendor_id,
        unattributed=unattributed,
        key_id=key,
        category=category,
        access=access,
        decision=decision,
        reason=reason,
        since=wire_text(begin),
        until=until,
        bucket=bucket,
        by="category,decision",
    )
    items = await _read_all(keyfold, log)
    # Only now: the service has refused a time that is too long ago, and it has nothing from far ahead.
    starts = _starts(SPANS[bucket], begin, min(end, now + SPANS["day"]))
    return Listing(
        columns=("category", "requests", "denied", f"by the {bucket}"),
        rows=rows(items, starts),
        items=items,
        empty="No request has been recorded.",
        prose=(f"by the {bucket}",),
    )


async def _read_all(keyfold: Keyfold, log: ActivityLog) -> Sequence[JsonObject]:
    items: list[JsonObject] = []
    query = dict(log.query)
    while True:
        page = await keyfold.get(f"{log.path}/summary", log.who, service="audit", query=query)
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        query["cursor"] = page["next_cursor"]


def _default_begin(bucket: str, end: datetime) -> datetime:
    try:
        return _start(end - MOMENT, SPANS[bucket]) - (DEFAULT_BUCKETS[bucket] - 1) * SPANS[bucket]
    except OverflowError:
        raise WrongUsage("--until: it lies at the beginning of the calendar.") from None


def _starts(span: timedelta, since: datetime, until: datetime) -> Sequence[datetime]:
    first, last = _start(since, span), _start(until - MOMENT, span)
    return [first + number * span for number in range(max(1, (last - first) // span + 1))]


def _start(at: datetime, span: timedelta) -> datetime:
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + (at - day) // span * span


def rows(items: Sequence[JsonObject], starts: Sequence[datetime]) -> Sequence[Sequence[Value]]:
    """Return a row for each category: its requests, the denied ones, and the requests over time."""
    requests, denied = Counter[tuple[str, str]](), Counter[str]()
    for item in items:
        category = item["category"] or NO_CATEGORY
        requests[category, item["start"]] += item["requests"]
        denied[category] += item["requests"] if item["decision"] == "deny" else 0
    found: list[tuple[Value, ...]] = []
    for category in (*CATEGORIES, NO_CATEGORY):
        over_time = [requests[category, rfc3339(start)] for start in starts]
        if total := sum(over_time):
            found.append((category, f"{total:,}", f"{denied[category]:,}", Bars(over_time)))
    return found
