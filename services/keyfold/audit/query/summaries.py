"""Someone's activity, counted by the hour or the day, for charts."""

from collections.abc import Mapping

from keyfold.audit.query import bounds, scopes
from keyfold.audit.query.resources import NamedSummaryQuery, SummaryCursor, SummaryPage, SummaryQuery
from keyfold.audit.query.scopes import ScopedPath
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import Answer, AnyRoute, Request, Route, cut, encode_cursor, rfc3339
from keyfold.store.access_log.scope import Scope
from keyfold.store.access_log.summaries import SummaryCount, SummaryQuestion, read_summary
from keyfold.store.postgres.connection import Pool


class Summaries:
    """The handlers of summaries."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    def routes(self) -> tuple[AnyRoute, ...]:
        """Return this part of the service's route table."""
        return tuple(map(self._route, scopes.SCOPED_PATHS))

    def _route(self, of: ScopedPath) -> AnyRoute:
        return Route(
            method="GET",
            path=f"{of.path}/summary",
            handler=scopes.make_handler(of, f"{of.name}_activity_summary", self._summary),
            rule=of.rule,
            summary=f"{of.title}, counted by the hour or the day in UTC, newest first.",
            query=of.query(SummaryQuery, NamedSummaryQuery),
            answer=SummaryPage,
        )

    async def _summary(self, scope: Scope, request: Request[None, SummaryQuery]) -> Answer:
        query, now = request.query, self._clock.now()
        after = query.after(SummaryCursor)
        if after is None:
            bounds.check(query.since, query.until, now)
        else:
            bounds.check_place(after.start, now)
        question = SummaryQuestion(
            scope=scope,
            filters=query.filters(),
            since=bounds.first(query.since, now),
            until=bounds.end(query.until, now),
            bucket=query.bucket,
            by=query.dimensions(),
            before=None if after is None else (after.start, after.combination),
        )
        counts = await read_summary(self._pool, question, counts_max=query.rows_max)
        shown, next_cursor = cut(counts, query, _cursor)
        # Plain dictionaries, not the models that describe them: there may be thousands.
        return Answer(body={"items": list(map(_item, shown)), "next_cursor": next_cursor})


def _item(count: SummaryCount) -> Mapping[str, object]:
    vendor_id, key_id, category, access, decision, reason = (value or None for value in count.combination)
    return {
        "start": rfc3339(count.start),
        "vendor_id": vendor_id,
        "key_id": key_id,
        "category": category,
        "access": access,
        "decision": decision,
        "reason": reason,
        "requests": count.requests,
    }


def _cursor(last: SummaryCount) -> str:
    return encode_cursor(SummaryCursor(start=last.start, combination=list(last.combination)))
