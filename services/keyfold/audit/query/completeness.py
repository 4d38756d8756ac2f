"""Whether the log has every number of every gatekeeper's run: up to when it is whole, and what it lacks."""

from typing import Final

from keyfold.audit.query import bounds
from keyfold.audit.query.completeness_resources import (
    CompletenessCursor,
    CompletenessItem,
    CompletenessPage,
    CompletenessQuery,
    WholenessResource,
)
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import Answer, AnyRoute, Request, Roles, Route, cut, encode_cursor
from keyfold.store.access_log.completeness.numbers import RunHour, check_run_hours, read_run_hours
from keyfold.store.access_log.completeness.sealed_sums import LogSeal
from keyfold.store.access_log.completeness.wholeness import read_wholeness
from keyfold.store.access_log.counts import read_caught_up
from keyfold.store.postgres.connection import Pool

RANGES_MAX: Final = 100
_READERS: Final = Roles(frozenset({Role.OWNER, Role.VENDOR, Role.REVIEWER, Role.OPERATOR}))


class CompletenessRoutes:
    """The handlers of the completeness queries, of the log that is filed from one topic."""

    def __init__(self, pool: Pool, clock: Clock, topic: str, seal: LogSeal) -> None:
        self._seal = seal
        self._pool = pool
        self._clock = clock
        self._topic = topic

    def routes(self) -> tuple[AnyRoute, ...]:
        """Return this part of the service's route table."""
        return (
            Route(
                method="GET",
                path="/v1/audit/completeness",
                handler=self.completeness,
                rule=Roles(frozenset({Role.OPERATOR})),
                summary="Whether the log has each number of each gatekeeper's run once, by the hour in UTC.",
                query=CompletenessQuery,
                answer=CompletenessPage,
            ),
            Route(
                method="GET",
                path="/v1/audit/whole",
                handler=self.whole,
                rule=_READERS,
                summary="Up to when the log has every decision of every gatekeeper, and why not further.",
                answer=WholenessResource,
            ),
        )

    async def whole(self, _request: Request[None, None]) -> Answer:
        """Answer with a time, the same for every caller: nobody knows whose the missing requests are."""
        return Answer(body=WholenessResource.of(await read_wholeness(self._pool, self._topic)))

    async def completeness(self, request: Request[None, CompletenessQuery]) -> Answer:
        """Answer with the hours of each run, newest first."""
        query, now = request.query, self._clock.now()
        after = query.after(CompletenessCursor)
        if after is None:
            bounds.check(query.since, query.until, now)
        else:
            bounds.check_place(after.hour, now)
        # Read first: what is filed between the two reads can only add rows.
        noted = await read_caught_up(self._pool, self._topic, age_max_s=0)
        found = await read_run_hours(
            self._pool,
            since=bounds.first(query.since, now),
            until=bounds.end(query.until, now),
            before=None if after is None else (after.hour, after.gatekeeper),
            ranges_max=RANGES_MAX,
            rows_max=query.rows_max,
        )
        shown, next_cursor = cut(found, query, _cursor)
        if query.check == "rows":
            checked = await check_run_hours(self._pool, self._seal, shown)
            if len(checked) < len(shown):
                next_cursor = _cursor(checked[-1])
            shown = checked
        items = [CompletenessItem.of(each, noted.at if noted else None) for each in shown]
        return Answer(body=CompletenessPage(items=items, next_cursor=next_cursor))


def _cursor(last: RunHour) -> str:
    return encode_cursor(CompletenessCursor(hour=last.hour, gatekeeper=last.gatekeeper))
