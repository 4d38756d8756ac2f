"""All of someone's activity as a file, of any size, in constant memory."""

import re
from datetime import datetime
from typing import Final

from keyfold.audit import metrics
from keyfold.audit.query import bounds, scopes
from keyfold.audit.query.concurrency_limit import ConcurrencyLimit
from keyfold.audit.query.resources import ExportQuery, NamedExportQuery
from keyfold.audit.query.scopes import ScopedPath
from keyfold.audit.query.tenant_names import TenantNames
from keyfold.runtime.clock import Clock
from keyfold.runtime.http import AnyRoute, Request, Route, Streamed, Writer
from keyfold.store.access_log.activity import Ask
from keyfold.store.access_log.export import ExportFormat, export
from keyfold.store.access_log.scope import AccountScope, KeyScope, Scope, UnattributedScope, VendorScope

_MEDIA_TYPES: Final = {
    ExportFormat.CSV: "text/csv; charset=utf-8; header=present",
    ExportFormat.NDJSON: "application/x-ndjson",
}
# Our own ids are shorter. A longer one may be a secret that went astray, and proxies log headers.
_ID_CHARACTERS_MAX: Final = 40
_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")


class Exporting:
    """The handlers of exports."""

    def __init__(
        self, dsn: str, names: TenantNames, clock: Clock, *, exports_max: int, time_max_s: float
    ) -> None:
        self._dsn = dsn
        self._names = names
        self._clock = clock
        self._limit = ConcurrencyLimit("exports", exports_max)
        self._time_max_s = time_max_s

    def routes(self) -> tuple[AnyRoute, ...]:
        """Return this part of the service's route table."""
        return tuple(map(self._route, scopes.SCOPED_PATHS))

    def _route(self, of: ScopedPath) -> AnyRoute:
        return Route(
            method="GET",
            path=f"{of.path}/export",
            handler=scopes.make_handler(of, f"{of.name}_activity_export", self._export),
            rule=of.rule,
            summary=f"{of.title}, newest first, all of it as a file; cut off where it could not be ended.",
            query=of.query(ExportQuery, NamedExportQuery),
            media_types=tuple(each.partition(";")[0] for each in _MEDIA_TYPES.values()),
        )

    async def _export(self, scope: Scope, request: Request[None, ExportQuery]) -> Streamed:
        query, now, caller = request.query, self._clock.now(), request.caller
        bounds.check(query.since, query.until, now)
        self._limit.check(caller)
        ask = Ask(
            scope=scope,
            filters=query.filters(),
            since=bounds.first(query.since, now),
            until=bounds.end(query.until, now),
        )

        async def write(writer: Writer) -> None:
            with self._limit.hold_place(caller), metrics.EXPORTS.track_inprogress():
                await export(
                    self._dsn,
                    ask,
                    query.format,
                    writer.write,
                    find_names=self._names,
                    time_max_s=self._time_max_s,
                )

        name = file_name(scope, ask.since, min(ask.until, now), query.format)
        disposition = f'attachment; filename="{name}"'
        return Streamed(
            write=write,
            content_type=_MEDIA_TYPES[query.format],
            headers={"Content-Disposition": disposition},
        )


def file_name(scope: Scope, since: datetime, until: datetime, form: ExportFormat) -> str:
    """Return a name that says whose activity is in the file, and from which days."""
    given = _id(scope)
    owner = _NOT_IN_A_NAME.sub("_", given) if len(given) <= _ID_CHARACTERS_MAX else "unknown"
    return f"keyfold-activity-{owner}-{since:%Y%m%d}-{until:%Y%m%d}.{form}"


def _id(scope: Scope) -> str:
    match scope:
        case KeyScope(key_id=key_id):
            return key_id
        case AccountScope(account_id=account_id):
            return account_id
        case VendorScope(vendor_id=vendor_id):
            return vendor_id
        case UnattributedScope():
            return "unattributed"
