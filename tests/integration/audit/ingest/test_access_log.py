"""Events and offsets are filed together, both or neither, and each event once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from keyfold.domain.access.decision import Reason
from keyfold.domain.ids import KeyId
from keyfold.domain.permissions import Access
from keyfold.store.access_log.activity import NEVER, LastUse, read_last_used
from keyfold.store.access_log.writer import AccessLog, Filed
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import OffsetsMoved, PartitionMissing
from keyfold.wire.offsets import Advance
from tests.support.access_events import EPOCH, access_event
from tests.support.audit.filing import TOPIC, step
from tests.support.audit.rows import newest, read_filed


async def test_an_event_comes_back_as_it_was_filed(access_log: AccessLog, pool: Pool) -> None:
    """Every field of an event is kept, also if it is empty."""
    whole = access_event(1, reason=Reason.READ_ONLY, access=Access.WRITE, client_ip="2001:db8::7")
    bare = access_event(2, key_id=None, vendor_id=None, vendor_key_id=None, category=None, access=None)
    many = access_event(5, reason=Reason.MALFORMED_KEY, path="/**", requests=1204)
    network = access_event(3, client_ip="203.0.113.0/24", path="/v1/pätient/\U0001f600")
    none = access_event(4, client_ip=None, account_id=None)
    await access_log.file([whole, bare, network, none, many], [step(0, 5)])
    assert await newest(pool) == [many, network, bare, whole]


async def test_offsets_move_with_the_rows(access_log: AccessLog, pool: Pool) -> None:
    """After a batch each of its partitions goes on after it; a partition never filed from has no offset."""
    batch = [access_event(1), access_event(2)]
    outcome = await access_log.file(batch, [step(5, 7), step(0, 1, partition=3)])
    assert outcome == Filed(events=batch, duplicates=0)
    assert await access_log.next_offsets(frozenset({0, 3, 4})) == {0: 7, 3: 1}


async def test_a_batch_without_events_moves_offsets_too(access_log: AccessLog) -> None:
    """A batch with only dead letters moves offsets too."""
    await access_log.file([], [step(0, 9)])
    assert await access_log.next_offsets(frozenset({0})) == {0: 9}


async def test_a_repeated_event_is_filed_once(access_log: AccessLog, pool: Pool) -> None:
    """Events that are there already are left out and counted, at whatever offset they come again."""
    await access_log.file([access_event(1), access_event(2)], [step(0, 2)])
    again = [access_event(2), access_event(3), access_event(1)]
    assert await access_log.file(again, [step(2, 5)]) == Filed(events=[access_event(3)], duplicates=2)
    assert await read_filed(pool) == [1, 2, 3]


async def test_a_repetition_within_a_batch_is_filed_once(access_log: AccessLog, pool: Pool) -> None:
    """Two equal events in one batch are one row."""
    batch = [access_event(1), access_event(2), access_event(1)]
    assert await access_log.file(batch, [step(0, 3)]) == Filed(events=batch[:2], duplicates=1)
    assert await read_filed(pool) == [1, 2]


async def test_filing_goes_on_after_repetitions(access_log: AccessLog, pool: Pool) -> None:
    """Batches after one with repetitions are filed like any other."""
    for number in (1, 1, 2, 3, 3, 4):
        await access_log.file([access_event(number)], [step_of(await offset(access_log))])
    assert await read_filed(pool) == [1, 2, 3, 4]


async def offset(access_log: AccessLog) -> int:
    """Return where the first partition stands."""
    return (await access_log.next_offsets(frozenset({0}))).get(0, 0)


def step_of(expected: int) -> Advance:
    """Return a step of one."""
    return step(expected, expected + 1)


async def test_a_zombie_is_fenced(access_log: AccessLog, pool: Pool) -> None:
    """A process that files from an offset that another has passed files nothing."""
    zombie = AccessLog(pool, TOPIC)
    await access_log.file([access_event(1)], [step(0, 1)])
    with pytest.raises(OffsetsMoved):
        await zombie.file([access_event(2)], [step(0, 1)])
    assert await read_filed(pool) == [1]


async def test_one_lost_partition_fences_the_whole_batch(access_log: AccessLog, pool: Pool) -> None:
    """A batch is filed for all its partitions or for none."""
    await access_log.file([access_event(1)], [step(0, 1, partition=1)])
    with pytest.raises(OffsetsMoved, match=r"\[1\]"):
        await access_log.file([access_event(2)], [step(0, 1, partition=0), step(0, 1, partition=1)])
    assert await access_log.next_offsets(frozenset({0, 1})) == {1: 1}


async def test_of_two_at_the_same_offset_one_is_fenced(access_log: AccessLog, pool: Pool) -> None:
    """If two processes have the same partition at once, it is filed once, also the first time."""
    logs = [access_log, AccessLog(pool, TOPIC)]
    outcomes = await asyncio.gather(
        *(log.file([access_event(number)], [step(0, 1)]) for number, log in enumerate(logs)),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in outcomes) == ["Filed", "OffsetsMoved"]
    assert len(await read_filed(pool)) == 1


async def test_an_event_without_a_partition_files_nothing(access_log: AccessLog, pool: Pool) -> None:
    """If a day has no partition, the whole batch is refused, with its offsets."""
    stray = access_event(2, at=EPOCH - timedelta(days=3))
    with pytest.raises(PartitionMissing):
        await access_log.file([access_event(1), stray], [step(0, 2)])
    assert await read_filed(pool) == []
    assert await access_log.next_offsets(frozenset({0})) == {}


async def test_last_used_is_the_latest_minute(access_log: AccessLog, pool: Pool) -> None:
    """Both keys of a recognised request were used, to the minute, and an older event changes nothing."""
    later = EPOCH + timedelta(minutes=5, seconds=30)
    await access_log.file([access_event(1, at=later)], [step(0, 1)])
    await access_log.file([access_event(2)], [step(1, 2)])
    minute = EPOCH + timedelta(minutes=5)
    keys = [KeyId("key_1"), KeyId("key_v1"), KeyId("key_9")]
    used = LastUse(used_at=minute)
    assert await read_last_used(pool, keys) == {"key_1": used, "key_v1": used, "key_9": NEVER}


async def test_a_request_that_was_not_recognised_is_no_use(access_log: AccessLog, pool: Pool) -> None:
    """A 401 refuses a key, a 403 uses it, and a reason that this code does not know does neither."""
    refused = access_event(1, reason=Reason.UNKNOWN_SUBSCRIBER_KEY, key_id=KeyId("key_401"))
    denied = access_event(2, reason=Reason.CATEGORY_DENIED, key_id=KeyId("key_403"))
    later = access_event(3, reason="moonlight", key_id=KeyId("key_later"), vendor_key_id=None)
    await access_log.file([refused, denied, later], [step(0, 3)])
    keys = [KeyId("key_401"), KeyId("key_403"), KeyId("key_later")]
    assert await read_last_used(pool, keys) == {
        "key_401": LastUse(refused_at=EPOCH),
        "key_403": LastUse(used_at=EPOCH),
        "key_later": NEVER,
    }


async def test_a_dead_key_that_is_tried_shows(access_log: AccessLog, pool: Pool) -> None:
    """The last use and the last refusal of a key are kept apart, each the latest, whatever arrives late."""
    first, last = (EPOCH + timedelta(minutes=minutes) for minutes in (1, 2))
    dead = (Reason.SUBSCRIBER_KEY_REPLACED, Reason.SUBSCRIBER_KEY_REVOKED, Reason.SUBSCRIBER_KEY_EXPIRED)
    refused = [access_event(number, at=last, reason=reason) for number, reason in enumerate(dead, 2)]
    await access_log.file([access_event(1, at=first), *refused], [step(0, 4)])
    await access_log.file([access_event(5, reason=Reason.MISSING_VENDOR_KEY)], [step(4, 5)])
    key = KeyId("key_1")
    assert await read_last_used(pool, [key]) == {key: LastUse(used_at=first, refused_at=last)}
