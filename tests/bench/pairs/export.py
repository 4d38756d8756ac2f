"""export: one account's whole activity as a file, against a bare COPY of the table that it is in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial

from msgspec.structs import replace

from keyfold.domain.access.names import AccountKey, Names
from keyfold.domain.ids import AccountId, VendorId
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.access_log.activity import Ask
from keyfold.store.access_log.export import ExportFormat, export
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.access_log.scope import AccountScope, Filters
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import open_connection, open_pool
from keyfold.wire.offsets import Advance
from keyfold.wire.topics import ACCESS
from tests.bench.batches import batches
from tests.bench.contest import Contest, Figure, Figures, Side
from tests.bench.ground import Ground
from tests.bench.load.traffic import traffic
from tests.bench.stopwatch import rate_per_s

EVENTS = Figure(name="events/s")
ROWS = 200_000
BATCH_EVENTS = 5_000
ACCOUNT = AccountId("acc_1")
TIME_MAX_S = 600
BARE = "select * from access_log.events"


@asynccontextmanager
async def contests(ground: Ground) -> AsyncIterator[Sequence[Contest]]:
    """Yield one for each form, over the same rows."""
    since, dsn = SYSTEM_CLOCK.now(), await ground.database()
    await _fill(dsn, since)
    ask = Ask(
        scope=AccountScope(account_id=ACCOUNT),
        filters=Filters(),
        since=since,
        until=since + timedelta(days=1),
    )
    yield [
        Contest(
            name=f"export, {form}",
            figures=(EVENTS,),
            ours=Side(
                what=f"an account's rows in order, as {form} for anybody", go=_go(_exporting(dsn, ask, form))
            ),
            bare=Side(
                what="COPY of the whole table TO STDOUT, as PostgreSQL's own CSV",
                go=_go(partial(_copy, dsn, BARE)),
            ),
        )
        for form in ExportFormat
    ]


async def _fill(dsn: str, since: datetime) -> None:
    async with open_pool(dsn, application_name="bench") as pool:
        await Partitions(pool).make([since.date(), since.date() + timedelta(days=1)])
        access_log = AccessLog(pool, ACCESS.name)
        for batch in batches(traffic(1, ROWS, since), BATCH_EVENTS):
            step = Advance(partition=0, expected=batch[0].seq, next=batch[-1].seq + 1)
            await access_log.file([replace(event, account_id=ACCOUNT) for event in batch], [step])
        await pool.execute("vacuum analyze access_log.events")


def _go(work: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[Figures]]:
    async def go() -> Figures:
        return {EVENTS.name: await rate_per_s(ROWS, work())}

    return go


def _exporting(dsn: str, ask: Ask, form: ExportFormat) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        await export(dsn, ask, form, _taken, find_names=_named, time_max_s=TIME_MAX_S)

    return work


async def _copy(dsn: str, query: str) -> None:
    async with open_connection(dsn, application_name="bench", statement_timeout_s=0) as connection:
        await connection.copy_from_query(query, output=_taken, format="csv")


async def _named(vendor_ids: Collection[VendorId], keys: Collection[AccountKey]) -> Names:
    return Names(vendors=dict.fromkeys(vendor_ids, "Recall Reminders"), keys=dict.fromkeys(keys, "Desk"))


async def _taken(_content: bytes) -> None:
    return
