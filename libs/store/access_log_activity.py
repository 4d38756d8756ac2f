"""Asking the access log: a page of someone's activity, and when keys were last used."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.domain.access_event import AccessEvent
from libs.domain.ids import EventId, KeyId
from libs.store.access_log_questions import CONDITIONS, Filters, Scope, conditions, prepare
from libs.store.access_log_rows import event_of
from libs.store.connection import Pool
from libs.store.errors import translated
from libs.store.statements import load_statements

_sql = load_statements("access_log_activity", conditions=CONDITIONS)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Whose activity, what of it, and from `since` (included) to `until` (excluded).

    `before` is the time and id of the event that the page before ended with.
    """

    scope: Scope
    filters: Filters
    since: datetime
    until: datetime
    before: tuple[datetime, EventId] | None = None


async def activity(pool: Pool, ask: Ask, *, events_max: int) -> tuple[AccessEvent, ...]:
    """Return the newest events that the question is about, newest first. Raises DatabaseAway."""
    with translated():
        async with pool.acquire() as connection:
            await prepare(connection)
            rows = [row async for row in _sql.activity(connection, **_values(ask), rows_max=events_max)]
    return tuple(event_of(row) for row in rows)


async def last_used(pool: Pool, key_ids: Collection[KeyId]) -> Mapping[KeyId, datetime]:
    """Return when each key was last used, to the minute; a key that never was is missing.

    A key, subscriber's or vendor's, was used when a request with it was recognised, whatever came of it
    after that. Raises DatabaseAway.
    """
    with translated():
        async with pool.acquire() as connection:
            return {
                KeyId(row["key_id"]): row["last_used_at"]
                async for row in _sql.last_used(connection, key_ids=list(key_ids))
            }


def _values(ask: Ask) -> dict[str, object]:
    before_at, before_event_id = ask.before or (None, None)
    return {
        **conditions(ask.scope, ask.filters),
        "since": ask.since,
        # The comparison of rows alone would not spare the partitions after that event.
        "until": ask.until if before_at is None else min(ask.until, before_at + _TICK),
        "before_at": before_at,
        "before_event_id": before_event_id,
    }
