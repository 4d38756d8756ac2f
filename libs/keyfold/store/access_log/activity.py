"""Queries of the access log: a page of someone's activity, and when keys were last used."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import EventId, KeyId
from keyfold.store.access_log.decisions import decision_window
from keyfold.store.access_log.rows import event_of
from keyfold.store.access_log.scope import CONDITIONS, COUNTED, Filters, Scope, conditions, prepare
from keyfold.store.postgres.connection import Connection, Pool
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements

_sql = load_statements("access_log/activity", conditions=CONDITIONS, counted=COUNTED)
_TICK: Final = timedelta(microseconds=1)
# Planning costs time for each day, and the newest few days fill most pages.
_SPANS: Final = (timedelta(days=3), timedelta(days=15), timedelta.max)
_HOUR: Final = timedelta(hours=1)
_DAYS_FIRST: Final = 2
_DAYS_MORE: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Whose activity, which of it, and from `since` (included) to `until` (excluded).

    `before` is the time and id of the last event of the page before.
    """

    scope: Scope
    filters: Filters
    since: datetime
    until: datetime
    before: tuple[datetime, EventId] | None = None


def narrow(ask: Ask) -> Ask:
    """Return the question with bounds as narrow as its conditions allow: a decision's id holds its time."""
    if ask.filters.decision_id is None:
        return ask
    since, until = decision_window(ask.filters.decision_id)
    return replace(ask, since=max(ask.since, since), until=min(ask.until, until))


async def read_activity(pool: Pool, ask: Ask, *, events_max: int) -> tuple[AccessEvent, ...]:
    """Return the newest events that the question asks for, newest first. Raises DatabaseAway."""
    ask = narrow(ask)
    # Of millions of events, few may meet the conditions: after the newest days the counts say where to look.
    spans, are_many = (_SPANS, True) if ask.filters == Filters() else (_SPANS[:1], False)
    events: list[AccessEvent] = []
    until = _end(ask)
    with translate_errors():
        async with pool.acquire() as connection:
            await prepare(connection)
            for span in spans:
                if until <= ask.since or len(events) == events_max:
                    break
                since = until - min(span, until - ask.since)
                events += await _between(connection, ask, since, until, events_max - len(events))
                until = since
            if not are_many:
                events += await _read_counted_hours(connection, ask, until, events_max - len(events))
    return tuple(events)


async def _between(
    connection: Connection, ask: Ask, since: datetime, until: datetime, events_max: int
) -> Sequence[AccessEvent]:
    rows = _sql.activity(connection, **_values(ask, since, until), rows_max=events_max)
    return [event_of(row) async for row in rows]


async def _read_counted_hours(
    connection: Connection, ask: Ask, until: datetime, events_max: int
) -> Sequence[AccessEvent]:
    """Read only the hours that hold matching events, as the counts say."""
    events: list[AccessEvent] = []
    days_max = _DAYS_FIRST
    while until > ask.since and (wanted := events_max - len(events)) > 0:
        hours = await _hours(connection, _values(ask, ask.since, until), days_max, wanted)
        if not hours:
            break
        values = _values(ask, max(ask.since, hours[-1]), min(until, hours[0] + _HOUR))
        rows = _sql.activity_of_hours(connection, **values, hours=hours, rows_max=wanted)
        events += [event_of(row) async for row in rows]
        until, days_max = hours[-1], days_max * _DAYS_MORE
    return events


async def _hours(
    connection: Connection, values: Mapping[str, object], days_max: int, wanted: int
) -> Sequence[datetime]:
    """Return the newest hours that together hold as many requests as wanted, or all hours of those days."""
    hours: list[datetime] = []
    async for row in _sql.hours(connection, **values, days_max=days_max):
        if wanted <= 0:
            break
        hours.append(row["hour"])
        wanted -= row["requests"]
    return hours


@dataclass(frozen=True, slots=True, kw_only=True)
class LastUse:
    """When a key, a subscriber's or a vendor's, was last used and last refused, to the minute; None is never.

    It was used when a request with it was recognised, whatever the answer was. It was refused when a request
    with one of its secrets was not (401): the key is revoked or expired, say, or the secret was replaced.
    """

    used_at: datetime | None = None
    refused_at: datetime | None = None


NEVER: Final = LastUse()


async def read_last_used(pool: Pool, key_ids: Collection[KeyId]) -> Mapping[KeyId, LastUse]:
    """Return when each of the keys was last used and last refused. Raises DatabaseAway."""
    with translate_errors():
        async with pool.acquire() as connection:
            return {
                KeyId(row["key_id"]): LastUse(used_at=row["last_used_at"], refused_at=row["last_refused_at"])
                async for row in _sql.last_used(connection, key_ids=list(key_ids))
            }


def _end(ask: Ask) -> datetime:
    # Comparing with `before` alone would still read the partitions after that event.
    return ask.until if ask.before is None else min(ask.until, ask.before[0] + _TICK)


def _values(ask: Ask, since: datetime, until: datetime) -> dict[str, object]:
    before_at, before_event_id = ask.before or (None, None)
    return {
        **conditions(ask.scope, ask.filters),
        "since": since,
        "until": until,
        "before_at": before_at,
        "before_event_id": before_event_id,
    }
