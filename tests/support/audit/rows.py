"""Reading the access log directly, without the code under test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import AccountId
from keyfold.store.access_log.activity import Ask, read_activity
from keyfold.store.access_log.scope import AccountScope, Filters
from keyfold.store.postgres.connection import Pool
from tests.support.eventually import eventually

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


async def read_filed(pool: Pool) -> list[int]:
    """Return the numbers of all events in the log, in order, duplicates included."""
    rows = await pool.fetch("select seq from access_log.events order by seq")
    return [row["seq"] for row in rows]


async def has(pool: Pool, *seqs: int) -> None:
    """Wait until the log has exactly these events."""
    await eventually(lambda: _same(pool, list(seqs)))


async def _same(pool: Pool, seqs: list[int]) -> bool:
    return await read_filed(pool) == seqs


async def newest(pool: Pool, count: int = 100, *, account_id: str = "acc_1") -> list[AccessEvent]:
    """Return an account's newest events."""
    ask = Ask(
        scope=AccountScope(account_id=AccountId(account_id)),
        filters=Filters(),
        since=BEGINNING,
        until=BEGINNING + timedelta(days=36500),
    )
    return list((await read_activity(pool, ask, events_max=count)).events)
