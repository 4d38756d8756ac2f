"""Queries of the access log: a page of someone's activity, and when keys were last used."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

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
READS_MAX: Final = (250, 2000)
"""How many rows are read, step by step, before the counts are asked where to look."""
_HOURS_AT_ONCE: Final = 6
_DAYS_FIRST: Final = 2
_DAYS_MORE: Final = 4


Place = tuple[datetime, EventId]
"""A place in the log, newest first: the time and id of an event."""
_BEFORE_ALL: Final = EventId(str(UUID(int=0)))
"""No event's id: at its time, all events come before it, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Whose activity, which of it, and from `since` (included) to `until` (excluded).

    `before` is the time and id of the last event of the page before.
    """

    scope: Scope
    filters: Filters
    since: datetime
    until: datetime
    before: Place | None = None


def narrow(ask: Ask) -> Ask:
    """Return the question with bounds as narrow as its conditions allow: a decision's id holds its time."""
    if ask.filters.decision_id is None:
        return ask
    since, until = decision_window(ask.filters.decision_id)
    return replace(ask, since=max(ask.since, since), until=min(ask.until, until))


class Pause(Protocol):
    """What a query does between two of its statements."""

    async def __call__(self) -> bool:
        """Let others go first; return whether the query has taken long enough."""
        ...


async def never_enough() -> bool:
    """Go on at once, and to the end."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundActivity:
    """Events, newest first, and the place down to which all were looked at; None if that is the end."""

    events: Sequence[AccessEvent]
    looked_to: Place | None = None


async def read_activity(
    pool: Pool,
    ask: Ask,
    *,
    events_max: int,
    pause: Pause = never_enough,
    reads_max: Sequence[int] = READS_MAX,
) -> FoundActivity:
    """Return the newest events that the question asks for. Raises DatabaseAway.

    Each statement is short, and has a connection only for as long as it runs. They may be fewer than
    `events_max` though there are more, if `pause` says that it is enough.
    """
    ask = narrow(ask)
    if ask.filters == Filters() or ask.filters.decision_id is not None:
        return await _read_spans(pool, ask, events_max, pause)
    return await _read_filtered(pool, ask, events_max, pause, reads_max)


async def _read_spans(pool: Pool, ask: Ask, events_max: int, pause: Pause) -> FoundActivity:
    events: list[AccessEvent] = []
    until = _end(ask)
    for span in _SPANS:
        if until <= ask.since or len(events) == events_max:
            break
        if until < _end(ask) and await pause():
            return FoundActivity(events=events, looked_to=(until, _BEFORE_ALL))
        since = until - min(span, until - ask.since)
        async with _connection(pool) as connection:
            events += await _between(connection, ask, since, until, events_max - len(events))
        until = since
    return FoundActivity(events=events)


async def _read_filtered(
    pool: Pool, ask: Ask, events_max: int, pause: Pause, reads_max: Sequence[int]
) -> FoundActivity:
    """Read the newest rows, then only the hours that hold matching ones, as the counts say.

    Of millions of rows, few may meet the conditions.
    """
    events: list[AccessEvent] = []
    async with _connection(pool) as connection:
        for most in reads_max:
            found, place = await _read_newest(connection, ask, most, events_max - len(events))
            events += found
            if place is None or len(events) >= events_max:
                return FoundActivity(events=events)
            ask = replace(ask, before=place)
            looked_to = place
    until, days_max = _end(ask), _DAYS_FIRST
    while until > ask.since and (wanted := events_max - len(events)) > 0:
        if await pause():
            return FoundActivity(events=events, looked_to=looked_to)
        async with _connection(pool) as connection:
            hours = await _hours(connection, _values(ask, ask.since, until), days_max, wanted)
        if not hours:
            break
        for start in range(0, len(hours), _HOURS_AT_ONCE):
            part = hours[start : start + _HOURS_AT_ONCE]
            if start and await pause():
                return FoundActivity(events=events, looked_to=looked_to)
            async with _connection(pool) as connection:
                events += await _of_hours(connection, ask, part, until, events_max - len(events))
            until = part[-1]
            looked_to = (until, _BEFORE_ALL)
            if len(events) >= events_max:
                break
        days_max *= _DAYS_MORE
    return FoundActivity(events=events)


@asynccontextmanager
async def _connection(pool: Pool) -> AsyncIterator[Connection]:
    with translate_errors():
        async with pool.acquire() as connection:
            await prepare(connection)
            yield connection


async def _read_newest(
    connection: Connection, ask: Ask, reads_max: int, events_max: int
) -> tuple[list[AccessEvent], Place | None]:
    """Return what matches among the newest rows, and the place of the last one, None if those are all."""
    events, place, reads = list[AccessEvent](), None, 0
    values = _values(ask, ask.since, _end(ask))
    async for row in _sql.newest(connection, **values, reads_max=reads_max, rows_max=events_max):
        reads, place = row["reads"], (row["edge_at"], EventId(str(row["edge_event_id"])))
        if row["at"] is not None:
            events.append(event_of(row))
    return events, place if reads == reads_max else None


async def _of_hours(
    connection: Connection, ask: Ask, hours: Sequence[datetime], until: datetime, events_max: int
) -> Sequence[AccessEvent]:
    values = _values(ask, max(ask.since, hours[-1]), min(until, hours[0] + _HOUR))
    rows = _sql.activity_of_hours(connection, **values, hours=list(hours), rows_max=events_max)
    return [event_of(row) async for row in rows]


async def _between(
    connection: Connection, ask: Ask, since: datetime, until: datetime, events_max: int
) -> Sequence[AccessEvent]:
    rows = _sql.activity(connection, **_values(ask, since, until), rows_max=events_max)
    return [event_of(row) async for row in rows]


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
