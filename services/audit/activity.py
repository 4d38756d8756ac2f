"""Answering who touched what: one account's activity, one key's, one vendor's."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from libs.domain.access_event import AccessEvent
from libs.domain.ids import AccountId, EventId, KeyId, VendorId
from libs.domain.permissions import Access
from libs.runtime.clock import Clock
from libs.runtime.http import (
    Answer,
    AnyRoute,
    FieldError,
    OwnAccount,
    OwnVendor,
    Problem,
    Request,
    Route,
    cut,
    encode_cursor,
)
from libs.store.access_log_activity import (
    AccountScope,
    Ask,
    Filters,
    KeyScope,
    Scope,
    VendorScope,
    activity,
)
from libs.store.connection import Pool
from services.audit.resources import ActivityCursor, ActivityItem, ActivityPage, ActivityQuery
from services.audit.retention import KEPT, oldest_kept

# Who asks for the last 90 days computed the bound a moment before this clock reads it.
_GRACE: Final = timedelta(minutes=1)
# Gatekeepers' clocks may be ahead of this one; what they decided just now is activity too.
_AHEAD: Final = timedelta(days=1)

_TOO_OLD: Final = Problem(
    status=400,
    slug="beyond-retention",
    detail=f"`since` is more than {KEPT.days} days ago; access events are kept for {KEPT.days} days",
    errors=(FieldError(pointer="/query/since", detail=f"it is more than {KEPT.days} days ago"),),
)

ActivityRequest = Request[None, ActivityQuery]


class Activity:
    """The handlers of the activity queries."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    def routes(self) -> tuple[AnyRoute, ...]:
        """Return this service's part of the route table."""
        return (
            Route(
                method="GET",
                path="/v1/accounts/{account_id}/activity",
                handler=self.account_activity,
                rule=OwnAccount(),
                summary="What was asked of an account's data, newest first.",
                query=ActivityQuery,
                answer=ActivityPage,
            ),
            Route(
                method="GET",
                path="/v1/accounts/{account_id}/keys/{key_id}/activity",
                handler=self.key_activity,
                rule=OwnAccount(),
                summary="What was asked with one of an account's keys, newest first.",
                query=ActivityQuery,
                answer=ActivityPage,
            ),
            Route(
                method="GET",
                path="/v1/vendors/{vendor_id}/activity",
                handler=self.vendor_activity,
                rule=OwnVendor(),
                summary="What a vendor asked, newest first.",
                query=ActivityQuery,
                answer=ActivityPage,
            ),
        )

    async def account_activity(self, request: ActivityRequest) -> Answer | Problem:
        """Answer for one account."""
        return await self._page(AccountScope(account_id=AccountId(request.path["account_id"])), request.query)

    async def key_activity(self, request: ActivityRequest) -> Answer | Problem:
        """Answer for one key of an account; another account's key has no activity here."""
        path = request.path
        scope = KeyScope(account_id=AccountId(path["account_id"]), key_id=KeyId(path["key_id"]))
        return await self._page(scope, request.query)

    async def vendor_activity(self, request: ActivityRequest) -> Answer | Problem:
        """Answer for one vendor."""
        return await self._page(VendorScope(vendor_id=VendorId(request.path["vendor_id"])), request.query)

    async def _page(self, scope: Scope, query: ActivityQuery) -> Answer | Problem:
        now = self._clock.now()
        if query.cursor is None and query.since is not None and query.since < oldest_kept(now) - _GRACE:
            return _TOO_OLD
        events = await activity(self._pool, _ask(scope, query, now), events_max=query.rows_max)
        shown, next_cursor = cut(events, query, _cursor)
        items = [ActivityItem.of(event) for event in shown]
        return Answer(body=ActivityPage(items=items, next_cursor=next_cursor))


def _ask(scope: Scope, query: ActivityQuery, now: datetime) -> Ask:
    # The later pages of a walk through all 90 days may start a little before what is kept by now.
    since = oldest_kept(now) if query.since is None else max(query.since, oldest_kept(now))
    return Ask(
        scope=scope,
        filters=_filters(query),
        since=since,
        until=query.until or now + _AHEAD,
        before=_before(query),
    )


def _filters(query: ActivityQuery) -> Filters:
    return Filters(
        key_id=None if query.key_id is None else KeyId(query.key_id),
        vendor_id=None if query.vendor_id is None else VendorId(query.vendor_id),
        category=query.category,
        access=None if query.access is None else Access.of(query.access),
        reason=query.reason,
        denied=None if query.decision is None else query.decision == "deny",
    )


def _before(query: ActivityQuery) -> tuple[datetime, EventId] | None:
    after = query.after(ActivityCursor)
    return None if after is None else (after.at, EventId(str(after.event_id)))


def _cursor(last: AccessEvent) -> str:
    return encode_cursor(ActivityCursor(at=last.at, event_id=UUID(last.event_id)))
