"""Streams: each event as it arrives, once, wherever a reader takes it up again."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from keyfold.audit.query.resources import StreamPlace
from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.permissions import Category
from keyfold.runtime.http import encode_cursor
from keyfold.store.access_log.arrivals import ArrivalPosition, delete_batches, newest_batch, read_arrivals
from keyfold.store.access_log.scope import AccountScope, Filters
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import DatabaseAway, OffsetsMoved
from tests.support.access_events import EPOCH, access_event, unattributed
from tests.support.audit.log import ACCOUNT, KEY, PLACES, UNATTRIBUTED, VENDOR, Log, ask, asking
from tests.support.audit.sse import listening
from tests.support.eventually import eventually
from tests.support.runtime.serving import Client

DAY = timedelta(days=1)
SEED = 20261123


@pytest.fixture
async def log(pool: Pool) -> Log:
    """A log with something from before anybody listened."""
    log = Log(pool)
    await log.file(access_event(900))
    return log


@pytest.mark.parametrize(("path", "token"), PLACES)
async def test_what_arrives_is_told_as_the_list_has_it(
    client: Client, log: Log, path: str, token: str
) -> None:
    """A stream tells what arrives from now on, item by item as the list does, and nobody else's."""
    async with listening(client, path, token=token) as listener:
        assert listener.retry_ms == 2000
        await log.file(access_event(1, account_id=AccountId("acc_9"), vendor_id=VendorId("ven_9")))
        await log.file(access_event(2), unattributed(4), access_event(3), unattributed(5, requests=7))
        told = await listener.next(2)
    listed = (await ask(client, path, {"limit": 3}, token=token))["items"]
    assert [item for item in listed if item in told] == told[::-1]
    assert [item["path"][-1] for item in told] == (["4", "5"] if path == UNATTRIBUTED else ["2", "3"])


async def test_every_filter_narrows_a_stream(client: Client, log: Log) -> None:
    """An event must meet every condition; times are no conditions of a stream, and are refused."""
    wanted = {"category": "clinical", "decision": "deny", "key_id": "key_2"}
    async with listening(client, ACCOUNT, wanted) as listener:
        await log.file(
            access_event(1, category=Category.CLINICAL),
            access_event(2, key_id=KeyId("key_2"), reason=Reason.READ_ONLY),
            access_event(3, key_id=KeyId("key_2"), category=Category.CLINICAL, reason=Reason.READ_ONLY),
        )
        assert await listener.numbers(1) == [3]
    await ask(client, f"{ACCOUNT}/stream", {"since": EPOCH}, status=400)


async def test_a_reader_that_comes_back_misses_nothing(database: str, pool: Pool, log: Log) -> None:
    """After a reconnect, also to another process, a stream goes on behind the last event that was read."""
    async with asking(database, pool) as client, listening(client, ACCOUNT) as listener:
        await log.file(*(access_event(number) for number in range(1, 6)))
        assert await listener.numbers(3) == [1, 2, 3]
        after = listener.last_event_id
    await log.file(access_event(6))
    async with asking(database, pool) as client, listening(client, ACCOUNT, after=after) as listener:
        await log.file(access_event(7))
        assert await listener.numbers(4) == [4, 5, 6, 7]


async def test_late_events_arrive_when_they_are_filed(client: Client, log: Log) -> None:
    """What was decided days ago is told now, for now it is there; what is older than 90 days never is."""
    async with listening(client, KEY) as listener:
        first = [access_event(1), access_event(2, at=EPOCH - 3 * DAY), access_event(3, at=EPOCH - 91 * DAY)]
        await log.file(*first, access_event(4, at=EPOCH - 89 * DAY))
        await log.file(access_event(5, at=EPOCH - DAY), access_event(2, at=EPOCH - 3 * DAY))
        assert await listener.numbers(4) == [4, 2, 1, 5]


async def test_a_filing_that_began_first_and_ended_last_is_not_skipped(
    client: Client, pool: Pool, log: Log
) -> None:
    """A stream that has told of a later filing still tells of the one that was under way meanwhile."""
    other = Log(pool, partition=1)
    await log.file(access_event(1, key_id=KeyId("key_slow")))
    async with listening(client, ACCOUNT) as listener:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("select from access_log.last_used where key_id = 'key_slow' for update")
            late = access_event(2, key_id=KeyId("key_slow"), at=EPOCH + timedelta(minutes=1))
            slow = asyncio.create_task(log.file(late))
            await eventually(lambda: _waits(pool))
            await other.file(access_event(3))
            assert await listener.numbers(1) == [3]
        await slow
        assert await listener.numbers(1) == [2]


HELD_AT_THE_COMMIT = """
create function public.hold() returns trigger language plpgsql as
$$ begin perform pg_advisory_xact_lock_shared(4711); return null; end $$;
create constraint trigger hold after insert on access_log.filings
deferrable initially deferred for each row when (new.filing = {filing}) execute function public.hold();
"""
HELD = "select count(*) from pg_locks where locktype = 'advisory' and not granted and objid = 4711"


async def test_a_filing_is_not_overtaken_between_its_number_and_its_commit(
    client: Client, pool: Pool, log: Log
) -> None:
    """Whoever has its number is committed before anybody gets a later one, however long its commit takes."""
    other = Log(pool, partition=1)
    filing = 1 + await pool.fetchval("select last_value from access_log.filing_ids")
    await pool.execute(HELD_AT_THE_COMMIT.format(filing=filing))
    async with listening(client, ACCOUNT) as listener:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(4711)")
            first = asyncio.create_task(log.file(access_event(1)))
            await eventually(lambda: _counts(pool, HELD))
            # Of another key and another run, for nothing else is to keep it waiting.
            of_others = access_event(2, key_id=KeyId("key_2"), gatekeeper="gatekeeper-2")
            second = asyncio.create_task(other.file(of_others))
            await eventually(lambda: _done_or_waiting(pool, second))
            if second.done():
                await listener.numbers(1)
        await asyncio.gather(first, second)
        assert await listener.numbers(2) == [1, 2]


async def _counts(pool: Pool, query: str) -> bool:
    return bool(await pool.fetchval(query))


async def _done_or_waiting(pool: Pool, task: asyncio.Task[None]) -> bool:
    waiting = "select count(*) = 2 from pg_locks where locktype = 'advisory' and not granted"
    return task.done() or await _counts(pool, waiting)


async def _waits(pool: Pool) -> bool:
    return bool(
        await pool.fetchval(
            "select count(*) from pg_stat_activity"
            " where wait_event_type = 'Lock' and query like '%last_used%' and datname = current_database()"
        )
    )


async def test_no_history_makes_a_stream_skip_or_repeat(database: str, pool: Pool, log: Log) -> None:
    """Whatever consumers file at once, late or again, a reader that reconnects hears each event once."""
    chance = random.Random(SEED)
    events = [
        access_event(number, at=EPOCH - chance.choice([0, 0, 0, 1, 26, 2000]) * timedelta(hours=1))
        for number in range(1, 241)
    ]
    filing = asyncio.gather(*(_file(Log(pool, partition), events, partition) for partition in (1, 2, 3)))
    heard: list[int] = []
    after = _id(await newest_batch(pool))
    while len(heard) < len(events):
        async with asking(database, pool) as client, listening(client, ACCOUNT, after=after) as listener:
            heard += await listener.numbers(min(chance.randint(1, 60), len(events) - len(heard)))
            after = listener.last_event_id
    await filing
    assert sorted(heard) == list(range(1, 241))
    async with asking(database, pool) as client, listening(client, ACCOUNT, after=after) as listener:
        assert await listener.heartbeat()


async def _file(log: Log, events: list[AccessEvent], partition: int) -> None:
    chance = random.Random(SEED + partition)
    mine = [event for event in events if event.seq % 3 == partition % 3]
    while mine:
        batch, mine = mine[: (size := chance.randint(1, 7))], mine[size:]
        await log.file(*batch, *chance.sample(batch, chance.randint(0, 1)))
        if chance.random() < 0.2:
            await log.file(*batch)


def _id(filing: int) -> str:
    return encode_cursor(StreamPlace(filing=filing))


async def test_what_arrived_is_walked_through_in_steps_of_any_size(pool: Pool, log: Log) -> None:
    """However few filings or rows are looked at together, a walk finds each row once, filing by filing."""
    hours = [timedelta(hours=number) for number in (5, 0, 3)]
    await log.file(*(access_event(number, at=EPOCH - ago) for number, ago in enumerate(hours, 1)))
    await log.file(access_event(4, account_id=AccountId("acc_2")))
    await log.file(access_event(6), access_event(5), access_event(7))
    for batches_max, events_max in ((1, 1), (1, 2), (2, 2), (9, 1), (9, 9)):
        seen, place, upto = list[int](), ArrivalPosition(batch=1), ArrivalPosition(batch=4)
        while place != upto:
            found = await read_arrivals(
                pool,
                AccountScope(account_id=AccountId("acc_1")),
                Filters(),
                place,
                since=EPOCH - DAY,
                events_max=events_max,
                batches_max=batches_max,
            )
            seen += [event.seq for _, event in found.events]
            place = found.upto
        assert seen == [1, 3, 2, 5, 6, 7]


async def test_silence_is_broken_and_moves_on(client: Client, log: Log, pool: Pool) -> None:
    """A stream without events says that it is alive, and a reader goes on from there, not from long ago."""
    async with listening(client, ACCOUNT) as listener:
        before = listener.last_event_id
        await log.file(access_event(1, account_id=AccountId("acc_2")))
        for _ in range(2):
            assert await listener.heartbeat() == "alive"
        assert listener.last_event_id == _id(await newest_batch(pool)) != before


@pytest.mark.parametrize("after", ["1", "x", "\u00fc", encode_cursor(StreamPlace(filing=0))[:-1]])
async def test_what_is_no_id_of_a_stream_is_refused(client: Client, log: Log, after: str) -> None:
    """A Last-Event-ID that no stream gave is a 400 that points at it."""
    async with client.ask(
        "GET", f"{ACCOUNT}/stream", token="owner-1", headers={"Last-Event-ID": after}
    ) as answer:
        assert answer.status == 400
        assert (await answer.json(content_type=None))["errors"][0]["pointer"] == "/header/Last-Event-ID"


async def test_a_place_that_is_gone_is_said_to_be(
    client: Client, log: Log, pool: Pool, database: str
) -> None:
    """Where what came next was forgotten, or never was, the answer is 410, and never a stream with a hole."""
    for number in (1, 2, 3):
        await log.file(access_event(number))
    newest = await newest_batch(pool)
    assert await delete_batches(database, EPOCH + 9999 * DAY) == 4
    for filing in (0, newest - 1, newest + 1):
        async with client.ask(
            "GET", f"{ACCOUNT}/stream", token="owner-1", headers={"Last-Event-ID": _id(filing)}
        ) as answer:
            assert answer.status == 410
    async with listening(client, ACCOUNT, after=_id(newest)) as listener:
        await log.file(access_event(4))
        assert await listener.numbers(1) == [4]


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [(ACCOUNT, "owner-2", 404), (VENDOR, "vendor-2", 404), (KEY, "vendor-1", 403), (ACCOUNT, "nobody", 401)],
)
async def test_nobody_hears_anothers_activity(client: Client, path: str, token: str, status: int) -> None:
    """Who may not read a list may not listen either."""
    await ask(client, f"{path}/stream", token=token, status=status)


async def test_streams_are_bounded(database: str, pool: Pool, log: Log) -> None:
    """One tenant gets a quarter of all streams; a place that is left is free again."""
    async with asking(database, pool, streams_max=4) as client:
        async with listening(client, ACCOUNT):
            await ask(client, f"{KEY}/stream", status=429)
            async with listening(client, VENDOR, token="vendor-1"):
                pass
        await eventually(lambda: _can_listen(client))


async def _can_listen(client: Client) -> bool:
    async with client.ask("HEAD", f"{ACCOUNT}/stream", token="owner-1") as answer:
        return answer.status == 200


async def test_a_connection_that_is_lost_does_not_end_a_stream(client: Client, log: Log, pool: Pool) -> None:
    """When PostgreSQL ends every session, streams go on with others, and skip nothing."""
    async with listening(client, ACCOUNT) as listener:
        await log.file(access_event(1))
        assert await listener.numbers(1) == [1]
        await pool.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        await eventually(lambda: _file_one(log))
        assert await listener.numbers(1) == [2]


async def _file_one(log: Log) -> bool:
    try:
        await log.file(access_event(2))
    except (DatabaseAway, OffsetsMoved):
        return False
    return True
