"""Which permissions a key does not use, over HTTP: unknown, never guessed, where the counts are not whole."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import structlog
from pydantic import Field

from keyfold.domain.access.unused_permissions import GrantedCategory, granted_categories
from keyfold.domain.ids import KeyId, key_stream
from keyfold.domain.lifecycle.aggregates import SUBSCRIBER_KEY
from keyfold.domain.lifecycle.subscriber_key import ActiveSubscriberKey, SubscriberKey
from keyfold.domain.permissions import NO_PERMISSIONS, Access, AccessWord, Category
from keyfold.registry.reads import Reads
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import (
    NOT_FOUND,
    Answer,
    AnyRoute,
    GivenInt,
    Instant,
    JsonBody,
    OwnAccount,
    QueryString,
    Reply,
    Request,
    Route,
)
from keyfold.store.access_log.counts import read_allowed, read_caught_up
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import DatabaseAway, DatabaseMisconfigured
from keyfold.wire.topics import ACCESS

_AGE_MAX_S: Final = 300.0
_UNREADABLE: Final = "The access log cannot be read at present."
_NEVER_WHOLE: Final = "It is not known yet whether the access log holds every request."
_OLD: Final = (
    "The access log has not been known to hold every request for more than 5 minutes, not since as_of."
)

log = structlog.get_logger(__name__)


class UnusedQuery(QueryString):
    """How far back to look."""

    days: GivenInt = Field(30, ge=1, le=90)


class CategoryUse(JsonBody):
    """A granted category, and the most that the key was allowed in it; null where that is unknown."""

    category: Category
    granted: AccessWord
    used: AccessWord | None


class UnusedPermissionsResource(JsonBody):
    """The granted categories that no allowed request has used; `unused` is null where that is unknown."""

    key_id: str
    days: int
    since: Instant
    as_of: Instant | None
    unused: list[Category] | None
    unknown_because: str | None
    categories: list[CategoryUse]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """The most that a key was allowed in each category, of all requests up to a time."""

    as_of: datetime
    used: Mapping[Category, Access]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unknown:
    """Why the counts cannot be relied upon, and up to when they could be."""

    because: str
    as_of: datetime | None = None


_Found: TypeAlias = _Known | _Unknown


class UnusedPermissions:
    """The call that says which permissions a key could do without."""

    def __init__(self, pool: Pool, reads: Reads, clock: Clock) -> None:
        self._pool = pool
        self._reads = reads
        self._clock = clock

    def routes(self) -> list[AnyRoute]:
        """Return the rows of the route table."""
        return [
            Route(
                method="GET",
                path="/v1/accounts/{account_id}/keys/{key_id}/unused-permissions",
                handler=self.get_unused_permissions,
                rule=OwnAccount(),
                summary="Which granted categories a key has not used; null where that is not known.",
                query=UnusedQuery,
                answer=UnusedPermissionsResource,
            ),
        ]

    async def get_unused_permissions(self, request: Request[None, UnusedQuery]) -> Reply:
        """Show which of the key's permissions it could do without."""
        found = await self._reads.find(SUBSCRIBER_KEY, key_stream(KeyId(request.path["key_id"])))
        if found is None or found.aggregate.account_id != request.path["account_id"]:
            return NOT_FOUND
        key = found.aggregate
        days = request.query.days
        since = _find_start(key, self._clock.now(), days)
        return Answer(body=_describe(key, days, since, await self._find_use(key.key_id, since)))

    async def _find_use(self, key_id: KeyId, since: datetime) -> _Found:
        try:
            # Read this before the counts: they may be newer than it says, never older.
            complete = await read_caught_up(self._pool, ACCESS.name, age_max_s=_AGE_MAX_S)
            if complete is None:
                return _Unknown(because=_NEVER_WHOLE)
            if complete.is_old:
                return _Unknown(because=_OLD, as_of=complete.at)
            used = await read_allowed(self._pool, key_id, _floor_hour(since))
            return _Known(as_of=complete.at, used=used)
        except (DatabaseAway, DatabaseMisconfigured) as unreadable:
            log.warning("access_log_unreadable", reason=str(unreadable))
            return _Unknown(because=_UNREADABLE)


def _find_start(key: SubscriberKey, now: datetime, days: int) -> datetime:
    """Return the start of the hour so many days ago (use is counted by the hour), or the key's creation."""
    return max(_floor_hour(now - timedelta(days=days)), key.created_at)


def _floor_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _describe(key: SubscriberKey, days: int, since: datetime, found: _Found) -> UnusedPermissionsResource:
    permissions = key.permissions if isinstance(key, ActiveSubscriberKey) else NO_PERMISSIONS
    known = found if isinstance(found, _Known) else None
    granted = granted_categories(permissions, {} if known is None else known.used)
    return UnusedPermissionsResource(
        key_id=key.key_id,
        days=days,
        since=since,
        as_of=found.as_of,
        unused=None if known is None else [each.category for each in granted if each.is_unused],
        unknown_because=found.because if isinstance(found, _Unknown) else None,
        categories=list(_describe_uses(granted, is_known=known is not None)),
    )


def _describe_uses(granted: Iterable[GrantedCategory], *, is_known: bool) -> Iterable[CategoryUse]:
    for each in granted:
        used = each.used.word if is_known else None
        yield CategoryUse(category=each.category, granted=each.granted.word, used=used)
