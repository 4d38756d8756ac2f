"""Who touched what, page by page: an account's activity, a key's, a vendor's, or what is unattributed."""

from datetime import datetime
from typing import Final
from uuid import UUID

from keyfold.audit.query import bounds, scopes
from keyfold.audit.query.resources import (
    ActivityCursor,
    ActivityItem,
    ActivityPage,
    ActivityQuery,
    NamedActivityQuery,
)
from keyfold.audit.query.scopes import ScopedPath
from keyfold.audit.query.tenant_names import TenantNames
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import EventId
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import Answer, AnyRoute, Request, Route, cut, encode_cursor
from keyfold.runtime.sharing.turns import Turns
from keyfold.store.access_log.activity import Ask, read_activity
from keyfold.store.access_log.scope import Scope
from keyfold.store.postgres.connection import Pool

PAGE_TIME_MAX_S: Final = 3.0
"""After so long a page is answered with what was found until then, and where to go on."""

ActivityRequest = Request[None, ActivityQuery]


class Activity:
    """The handlers of the activity queries."""

    def __init__(self, pool: Pool, names: TenantNames, clock: Clock, turns: Turns) -> None:
        self._pool = pool
        self._turns = turns
        self._names = names
        self._clock = clock

    def routes(self) -> tuple[AnyRoute, ...]:
        """Return this part of the service's route table."""
        return tuple(map(self._route, scopes.SCOPED_PATHS))

    def _route(self, of: ScopedPath) -> AnyRoute:
        return Route(
            method="GET",
            path=of.path,
            handler=scopes.make_handler(of, f"{of.name}_activity", self._page),
            rule=of.rule,
            summary=f"{of.title}, newest first.",
            query=of.query(ActivityQuery, NamedActivityQuery),
            answer=ActivityPage,
        )

    async def _page(self, scope: Scope, request: ActivityRequest) -> Answer:
        query, now = request.query, self._clock.now()
        if query.cursor is None:
            # A walk through all 90 days takes time: its later pages may begin before what is kept by now.
            bounds.check(query.since, query.until, now)
        began_s = self._clock.monotonic_s()
        async with self._turns.take(request.caller.tenant) as turn:

            async def pause() -> bool:
                await turn.give_way()
                return self._clock.monotonic_s() - began_s > PAGE_TIME_MAX_S

            ask = _ask(scope, query, now)
            found = await read_activity(self._pool, ask, events_max=query.rows_max, pause=pause)
        shown, next_cursor = cut(found.events, query, _cursor)
        if next_cursor is None and found.looked_to is not None:
            at, event_id = found.looked_to
            next_cursor = encode_cursor(ActivityCursor(at=at, event_id=UUID(event_id)))
        names = await self._names.of(shown, with_keys=scopes.sees_key_names(scope))
        items = [ActivityItem.of(event, names) for event in shown]
        return Answer(body=ActivityPage(items=items, next_cursor=next_cursor))


def _ask(scope: Scope, query: ActivityQuery, now: datetime) -> Ask:
    return Ask(
        scope=scope,
        filters=query.filters(),
        since=bounds.first(query.since, now),
        until=bounds.end(query.until, now),
        before=_before(query, now),
    )


def _before(query: ActivityQuery, now: datetime) -> tuple[datetime, EventId] | None:
    after = query.after(ActivityCursor)
    if after is None:
        return None
    bounds.check_place(after.at, now)
    return after.at, EventId(str(after.event_id))


def _cursor(last: AccessEvent) -> str:
    return encode_cursor(ActivityCursor(at=last.at, event_id=UUID(last.event_id)))
