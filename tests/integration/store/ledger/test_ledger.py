"""The ledger is one order without gaps, chained, whoever appends and however many at once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from keyfold.domain.ids import account_stream
from keyfold.domain.lifecycle.account import Account
from keyfold.domain.lifecycle.fold import RecordedEvent
from keyfold.store.ledger.append import Ledger
from keyfold.store.ledger.read_set import NOTHING
from keyfold.store.postgres.connection import open_connection
from keyfold.store.postgres.errors import VersionConflict
from keyfold.wire.events.chain import GENESIS, Head, understand
from tests.support.seals import follow
from tests.support.store.events import (
    ACCOUNT,
    CREATED,
    DISABLED,
    ENABLED,
    created,
    draft,
    load_stream,
    now,
    open_ledger,
)

STREAM = account_stream(ACCOUNT)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def _chain(ledger: Ledger) -> list[RecordedEvent]:
    """Return every event there is, having followed the chain from the start to the head."""
    events, at = [], GENESIS
    while rows := await ledger.rows_after(at.position, 1000):
        for row, row_hash, _ in rows:
            at = follow(at, row, row_hash) or pytest.fail("a position is repeated")
            events.append(understand(row, row_hash))
    assert await ledger.head() == at
    return events


async def test_append_load(database: str) -> None:
    """What was appended folds into the aggregate, with the number of its events as version."""
    async with open_ledger(database) as ledger:
        assert await load_stream(ledger, STREAM) == NOTHING
        await ledger.append([draft(CREATED), draft(ENABLED)], {STREAM: 0}, now())
        after = await load_stream(ledger, STREAM)
    assert after.version == 2
    assert after.aggregate == Account(account_id=ACCOUNT, name=CREATED.name, integrations_enabled=True)


async def test_append_answers_as_recorded(database: str) -> None:
    """The answer of an append is, field by field, what a reader of the ledger understands later."""
    async with open_ledger(database) as ledger:
        answered = await ledger.append(
            [draft(CREATED, traceparent=TRACEPARENT), draft(ENABLED)], {STREAM: 0}, now()
        )
        assert list(answered) == await _chain(ledger)
        rows = await ledger.rows_after(0, 10)
    assert [row.traceparent for row, *_ in rows] == [TRACEPARENT, None]
    assert [row.version for row, *_ in rows] == [1, 2]


@pytest.mark.parametrize("microsecond", [0, 1, 999_999, 123_456])
async def test_time_survives(database: str, microsecond: int) -> None:
    """A time of any microsecond comes out of the database as it was hashed."""
    at = datetime(2100, 2, 28, 23, 59, 59, microsecond, tzinfo=UTC)
    async with open_ledger(database) as ledger:
        (recorded,) = await ledger.append([draft(CREATED)], {STREAM: 0}, at)
        assert recorded.recorded_at == at
        assert [event.recorded_at for event in await _chain(ledger)] == [at]


async def test_clock_goes_back(database: str) -> None:
    """When the clock goes back, an event is recorded at the time of the one before, and the chain holds."""
    at = now()
    async with open_ledger(database) as ledger:
        await ledger.append([draft(CREATED)], {STREAM: 0}, at)
        await ledger.append([draft(ENABLED)], {STREAM: 1}, at - timedelta(hours=1))
        assert [event.recorded_at for event in await _chain(ledger)] == [at, at]


async def test_stale_version(database: str) -> None:
    """Whoever decided on a stream as it no longer is appends nothing and is told which stream it was."""
    async with open_ledger(database) as ledger:
        await ledger.append([draft(CREATED)], {STREAM: 0}, now())
        with pytest.raises(VersionConflict) as conflict:
            await ledger.append([draft(CREATED)], {STREAM: 0}, now())
        assert conflict.value.streams == (STREAM,)
        with pytest.raises(VersionConflict):
            await ledger.append([draft(ENABLED)], {STREAM: 2}, now())
        assert len(await _chain(ledger)) == 1


async def test_stale_stream_that_was_only_read(database: str) -> None:
    """A stream that the decision looked at is held to its version too, though nothing is written to it."""
    other = created(7)
    async with open_ledger(database) as ledger:
        await ledger.append([draft(CREATED), draft(ENABLED)], {STREAM: 0}, now())
        written = draft(other)
        with pytest.raises(VersionConflict) as conflict:
            await ledger.append([written], {written.stream: 0, STREAM: 1}, now())
        assert conflict.value.streams == (STREAM,)
        await ledger.append([written], {written.stream: 0, STREAM: 2}, now())
        assert len(await _chain(ledger)) == 3


async def test_nothing_to_append(database: str) -> None:
    """A decision without events takes no position."""
    async with open_ledger(database) as ledger:
        assert await ledger.append([], {STREAM: 0}, now()) == ()
        assert await ledger.head() == GENESIS


async def test_append_fails_whole(database: str) -> None:
    """An append whose second event cannot be stored leaves nothing of the first."""
    repeated = draft(CREATED)
    async with open_ledger(database) as ledger:
        with pytest.raises(Exception, match="duplicate key"):
            await ledger.append([repeated, repeated], {STREAM: 0}, now())
        assert await ledger.head() == GENESIS
        assert await ledger.rows_after(0, 10) == []


async def test_two_hundred_streams_at_once(database: str) -> None:
    """Two hundred commands on streams of their own, from several pools, all land: no gap, none twice."""
    async with AsyncExitStack() as stack:
        ledgers = [await stack.enter_async_context(open_ledger(database, size_max=8)) for _ in range(4)]
        drafts = [draft(created(number)) for number in range(200)]
        await asyncio.gather(
            *(ledgers[index % 4].append([each], {each.stream: 0}, now()) for index, each in enumerate(drafts))
        )
        events = await _chain(ledgers[0])
    assert sorted(event.event_id for event in events) == sorted(each.event_id for each in drafts)
    assert [event.position for event in events] == list(range(1, 201))
    assert all(event.version == 1 for event in events)


async def _toggle(ledger: Ledger, turns: asyncio.Semaphore) -> int:
    """Turn the account's switch over, as often as it takes; return the version that it became."""
    async with turns:
        return await _toggled(ledger)


async def _toggled(ledger: Ledger) -> int:
    while True:
        before = await load_stream(ledger, STREAM)
        assert isinstance(before.aggregate, Account)
        event = DISABLED if before.aggregate.integrations_enabled else ENABLED
        try:
            (recorded,) = await ledger.append([draft(event)], {STREAM: before.version}, now())
        except VersionConflict:
            continue
        return recorded.version


async def test_two_hundred_on_one_stream_at_once(database: str) -> None:
    """Two hundred commands on one stream, from several pools, each see all before them: none is lost."""
    async with AsyncExitStack() as stack:
        ledgers = [await stack.enter_async_context(open_ledger(database, size_max=2)) for _ in range(3)]
        await ledgers[0].append([draft(CREATED)], {STREAM: 0}, now())
        turns = [asyncio.Semaphore(2) for _ in ledgers]  # more at once would mostly beat each other
        versions = await asyncio.gather(
            *(_toggle(ledgers[index % 3], turns[index % 3]) for index in range(200))
        )
        events = await _chain(ledgers[0])
        account = (await load_stream(ledgers[0], STREAM)).aggregate
    assert sorted(versions) == list(range(2, 202))
    assert [event.version for event in events] == list(range(1, 202))
    assert account == Account(account_id=ACCOUNT, name=CREATED.name, integrations_enabled=False)


async def test_head_is_heard(database: str) -> None:
    """An append tells whoever listens the position it reached; one that fails tells nothing."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with (
        open_ledger(database) as ledger,
        open_connection(database, application_name="test") as listener,
    ):
        await listener.add_listener("keyfold_ledger", lambda *about: heard.put_nowait(about[-1]))
        await ledger.append([draft(CREATED), draft(ENABLED)], {STREAM: 0}, now())
        with pytest.raises(VersionConflict):
            await ledger.append([draft(ENABLED)], {STREAM: 0}, now())
        await ledger.append([draft(DISABLED)], {STREAM: 2}, now())
        async with asyncio.timeout(5):
            assert [await heard.get(), await heard.get()] == ["2", "3"]


async def test_pages(database: str) -> None:
    """Rows come in pages above a position, in order, and none above the head."""
    async with open_ledger(database) as ledger:
        drafts = [draft(created(number)) for number in range(5)]
        await ledger.append(drafts, {each.stream: 0 for each in drafts}, now())
        assert [row.position for row, *_ in await ledger.rows_after(0, 2)] == [1, 2]
        assert [row.position for row, *_ in await ledger.rows_after(3, 9)] == [4, 5]
        assert await ledger.rows_after(5, 9) == []
        row, row_hash, _ = (await ledger.rows_after(4, 1))[0]
        assert await ledger.head() == Head(position=row.position, hash=row_hash)
