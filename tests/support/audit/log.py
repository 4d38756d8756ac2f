"""A log that tests file into and ask over HTTP, as its callers do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from keyfold.audit.query.activity import Activity
from keyfold.audit.query.decisions import Decisions
from keyfold.audit.query.exporting import Exporting
from keyfold.audit.query.streaming import Streaming
from keyfold.audit.query.summaries import Summaries
from keyfold.audit.query.tenant_names import TenantNames
from keyfold.domain.access.event import AccessEvent
from keyfold.runtime.http import rfc3339
from keyfold.runtime.sharing.turns import Turns
from keyfold.store.access_log.arrivals import CHANNEL
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.access_log.scope import AccountScope, KeyScope, Scope, UnattributedScope, VendorScope
from keyfold.store.access_log.summaries import Dimension
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.notifications import Notifications
from tests.support.access_events import EPOCH
from tests.support.audit.filing import TOPIC, step
from tests.support.audit.following import NoonClock
from tests.support.runtime.serving import Client, serving

ACCOUNT = "/v1/accounts/acc_1/activity"
KEY = "/v1/accounts/acc_1/keys/key_1/activity"
VENDOR = "/v1/vendors/ven_1/activity"
UNATTRIBUTED = "/v1/unattributed/activity"
PLACES = ((ACCOUNT, "owner-1"), (KEY, "owner-1"), (VENDOR, "vendor-1"), (UNATTRIBUTED, "operator"))
Query = Mapping[str, str | int | datetime | None]


class Log:
    """A log to file into, one batch after another, each partition at its own pace."""

    def __init__(self, pool: Pool, partition: int = 0) -> None:
        self._access_log = AccessLog(pool, TOPIC)
        self._partitions = Partitions(pool)
        self._partition = partition
        self._offset = 0

    async def file(self, *events: AccessEvent) -> None:
        """File events of any day."""
        await self._partitions.make({event.at.date() for event in events})
        following = self._offset + len(events)
        await self._access_log.file(events, [step(self._offset, following, partition=self._partition)])
        self._offset = following


@asynccontextmanager
async def asking(
    database: str,
    pool: Pool,
    *,
    heartbeat_s: float = 0.5,
    streams_max: int = 40,
    exports_max: int = 4,
    export_time_max_s: float = 30,
) -> AsyncIterator[Client]:
    """Serve every question; the clock says noon of the events' day."""
    clock, names = NoonClock(at=EPOCH), TenantNames(pool)
    async with Notifications(database, CHANNEL) as notifications:
        asked = (
            Activity(pool, names, clock, Turns("queries", 4)),
            Exporting(database, names, clock, exports_max=exports_max, time_max_s=export_time_max_s),
            Streaming(pool, names, notifications, clock, streams_max=streams_max, heartbeat_s=heartbeat_s),
            Summaries(pool, clock),
            Decisions(pool, names, clock),
        )
        async with serving([route for each in asked for route in each.routes()], clock) as client:
            yield client


def target(path: str, query: Query = MappingProxyType({})) -> str:
    """Return the path with its query, without parameters that are None."""
    given = {
        name: rfc3339(value) if isinstance(value, datetime) else value
        for name, value in query.items()
        if value is not None
    }
    return f"{path}?{urlencode(given)}"


async def ask(
    client: Client,
    path: str,
    query: Query = MappingProxyType({}),
    *,
    token: str = "owner-1",
    status: int = 200,
) -> dict[str, Any]:
    """Return the body of an answer."""
    async with client.ask("GET", target(path, query), token=token) as answer:
        body: dict[str, Any] = await answer.json(content_type=None)
        assert answer.status == status, body
        return body


def belongs(event: AccessEvent, scope: Scope) -> bool:
    """Tell whether an event must be found there."""
    match scope:
        case AccountScope(account_id=account_id):
            return event.account_id == account_id
        case KeyScope(account_id=account_id, key_id=key_id):
            return (event.account_id, event.key_id) == (account_id, key_id)
        case VendorScope(vendor_id=vendor_id):
            return event.vendor_id == vendor_id
        case UnattributedScope():
            return event.account_id is None and event.vendor_id is None


def value_of(each: AccessEvent, by: Dimension) -> str:
    """Return what an event is counted under, empty where it has nothing of the kind."""
    match by:
        case Dimension.VENDOR:
            return each.vendor_id or ""
        case Dimension.KEY:
            return each.key_id or ""
        case Dimension.CATEGORY:
            return each.category or ""
        case Dimension.ACCESS:
            return "" if each.access is None else each.access.word
        case Dimension.DECISION:
            return each.decision
        case Dimension.REASON:
            return each.reason or ""


def number(event_id: str) -> int:
    """Return the number of the event with this id."""
    return int(event_id.replace("-", ""), 16)
