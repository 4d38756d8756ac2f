"""verify: the whole ledger from PostgreSQL, every seal recomputed, against a bare select of the same rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from keyfold.cli.commands.ledger.verification import Evidence, verify
from tests.bench.contest import Contest, Figure, Figures, Side
from tests.bench.ground import Ground
from tests.bench.stopwatch import rate_per_s
from tests.support.store.long_history import history
from tests.support.store.tampering import dba_of

EVENTS = Figure(name="events/s")
LEDGER_EVENTS = 300_000
PAGE_ROWS = 1000
SELECT = """
select position, stream, version, event_id, type, schema_version, data, actor_role, actor_subject, request_id,
    recorded_at, traceparent, hash
from ledger.events order by position
"""


@asynccontextmanager
async def contests(ground: Ground) -> AsyncIterator[Sequence[Contest]]:
    """Yield the verification of a long ledger."""
    dsn = await ground.database()
    async with dba_of(dsn, history(LEDGER_EVENTS).rows) as dba:
        await dba.run("vacuum analyze ledger.events")
    connection = await asyncpg.connect(dsn)
    try:
        yield [Contest(name="verify", figures=(EVENTS,), ours=_verifying(dsn), bare=_selecting(connection))]
    finally:
        await connection.close()


def _verifying(dsn: str) -> Side:
    async def all_of_it() -> None:
        found = await verify(dsn, Evidence(public_keys={}), lambda proven, of: None)
        assert (found.events, found.findings) == (LEDGER_EVENTS, ())

    async def go() -> Figures:
        return {EVENTS.name: await rate_per_s(LEDGER_EVENTS, all_of_it())}

    return Side(what="a whole check: connect, read, recompute every hash, count every version", go=go)


def _selecting(connection: asyncpg.Connection) -> Side:
    async def all_of_it() -> None:
        seen = 0
        async with connection.transaction():
            cursor = await connection.cursor(SELECT)
            while page := await cursor.fetch(PAGE_ROWS):
                seen += len(page)
        assert seen == LEDGER_EVENTS

    async def go() -> Figures:
        return {EVENTS.name: await rate_per_s(LEDGER_EVENTS, all_of_it())}

    return Side(what="a select of the same rows in the same pages, and nothing done with them", go=go)
