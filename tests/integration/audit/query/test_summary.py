"""Summaries: counts that are always those of the rows, by the bucket and by what is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.permissions import Access, Category
from keyfold.runtime.http import JsonBody, encode_cursor, rfc3339
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.access_log.scope import AccountScope, Filters, Scope, UnattributedScope
from keyfold.store.access_log.summaries import Bucket, Dimension, SummaryQuestion, buckets_next, read_summary
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import Pool
from tests.support.access_events import EPOCH, access_event, mixed_event, unattributed
from tests.support.audit.filing import OVER_ONE_LOG, step
from tests.support.audit.log import (
    ACCOUNT,
    KEY,
    PLACES,
    UNATTRIBUTED,
    VENDOR,
    Log,
    Query,
    ask,
    belongs,
    value_of,
)
from tests.support.runtime.serving import Client

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
EVENTS: Final = (
    access_event(1),
    access_event(2),
    access_event(3, key_id=KeyId("key_2"), category=Category.CLINICAL),
    access_event(4, vendor_id=VendorId("ven_2"), access=Access.WRITE, at=EPOCH - HOUR),
    access_event(5, reason=Reason.READ_ONLY, access=Access.WRITE, at=EPOCH - DAY),
    access_event(6, category=None, access=None, reason=Reason.UNMAPPED_ROUTE, at=EPOCH - DAY),
    access_event(7, account_id=AccountId("acc_2")),
    unattributed(8),
    unattributed(9, at=EPOCH - DAY, category=None, access=None),
)


async def read_counts(
    client: Client, path: str, query: Query, token: str = "owner-1"
) -> list[tuple[Any, ...]]:
    """Return a summary's items, the newest hour or day first, without what is not told."""
    items = (await ask(client, f"{path}/summary", query, token=token))["items"]
    return [
        (item["start"][5:13], *(item[name] for name in list(item)[1:-1] if item[name]), item["requests"])
        for item in items
    ]


async def test_a_summary_tells_everything_apart(client: Client, log: Log) -> None:
    """Requests that differ in vendor, key, category, access or decision are counted apart, by the day."""
    await log.file(*EVENTS)
    assert await read_counts(client, ACCOUNT, {"bucket": "day"}) == [
        ("03-15T00", "ven_1", "key_1", "patient", "read", "allow", 2),
        ("03-15T00", "ven_1", "key_2", "clinical", "read", "allow", 1),
        ("03-15T00", "ven_2", "key_1", "patient", "write", "allow", 1),
        ("03-14T00", "ven_1", "key_1", "deny", 1),
        ("03-14T00", "ven_1", "key_1", "patient", "write", "deny", 1),
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"bucket": "hour", "by": "decision"}, [("12", "allow", 3), ("11", "allow", 1), ("12", "deny", 2)]),
        (
            {"bucket": "day", "by": "category"},
            [("00", "clinical", 1), ("00", "patient", 3), ("00", 1), ("00", "patient", 1)],
        ),
        ({"bucket": "day", "by": "vendor", "decision": "allow"}, [("00", "ven_1", 3), ("00", "ven_2", 1)]),
        ({"bucket": "day", "by": "key", "access": "read"}, [("00", "key_1", 2), ("00", "key_2", 1)]),
        ({"bucket": "day", "by": "access", "reason": "read_only"}, [("00", "write", 1)]),
        (
            {"bucket": "day", "by": "reason,category", "decision": "deny"},
            [("00", "unmapped_route", 1), ("00", "patient", "read_only", 1)],
        ),
        (
            {"bucket": "day", "by": "reason", "vendor_id": "ven_1"},
            [("00", 3), ("00", "read_only", 1), ("00", "unmapped_route", 1)],
        ),
        (
            {"bucket": "day", "by": "reason,decision"},
            [("00", "allow", 4), ("00", "deny", "read_only", 1), ("00", "deny", "unmapped_route", 1)],
        ),
        ({"bucket": "hour", "by": "key", "since": EPOCH}, [("12", "key_1", 2), ("12", "key_2", 1)]),
        ({"bucket": "hour", "by": "key", "since": EVENTS[1].at, "until": EVENTS[2].at}, [("12", "key_1", 1)]),
        ({"bucket": "day", "by": "decision", "until": EPOCH - HOUR}, [("00", "deny", 2)]),
        ({"bucket": "day", "by": "key", "key_id": "key_of_another"}, []),
        ({"bucket": "day", "by": "key", "since": EPOCH, "until": EPOCH}, []),
    ],
)
async def test_what_is_asked_for_is_counted(
    client: Client, log: Log, query: Query, found: list[tuple[Any, ...]]
) -> None:
    """Only what `by` names is told apart, and only what meets every condition counts, to the microsecond."""
    await log.file(*EVENTS)
    assert [(start[6:], *rest) for start, *rest in await read_counts(client, ACCOUNT, query)] == found


@pytest.mark.parametrize(("path", "token"), PLACES)
async def test_each_sees_its_own_counts(client: Client, log: Log, path: str, token: str) -> None:
    """A summary counts exactly the items of the list, for an account, a key, a vendor and for nobody."""
    await log.file(*EVENTS)
    listed = (await ask(client, path, token=token))["items"]
    total = sum(row[-1] for row in await read_counts(client, path, {"bucket": "hour"}, token))
    assert total == len(listed)


async def test_pages_are_the_whole(client: Client, log: Log) -> None:
    """Pages of any size together are the summary, each count once."""
    await log.file(*EVENTS)
    for bucket in Bucket:
        whole = (await ask(client, f"{ACCOUNT}/summary", {"bucket": bucket}))["items"]
        pages: list[Any] = []
        query: dict[str, Any] = {"bucket": bucket, "limit": 2}
        while len(pages) < 10:
            page = await ask(client, f"{ACCOUNT}/summary", query)
            pages += page["items"]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert pages == whole


async def test_ninety_days_are_exact(client: Client, log: Log) -> None:
    """What is older than 90 days is not counted, within its hour either; to ask for it is a 400."""
    bound = EPOCH + timedelta(minutes=30) - 90 * DAY
    await log.file(
        access_event(1, at=EPOCH - 90 * DAY - timedelta(microseconds=1)),
        access_event(2, at=EPOCH - 90 * DAY),
        access_event(3, at=bound),
    )
    assert sum(row[-1] for row in await read_counts(client, ACCOUNT, {"bucket": "hour"})) == 2
    await ask(client, f"{ACCOUNT}/summary", {"bucket": "day", "since": EPOCH - 91 * DAY}, status=400)


class _Forged(JsonBody):
    start: str
    combination: list[str]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"bucket": "week"},
        {"bucket": "day", "by": "path"},
        {"bucket": "day", "by": ""},
        {"bucket": "day", "limit": 10_001},
        {"bucket": "day", "cursor": encode_cursor(_Forged(start=rfc3339(EPOCH), combination=["a"]))},
        {"bucket": "day", "cursor": encode_cursor(_Forged(start=rfc3339(EPOCH), combination=["\0"] * 5))},
    ],
)
async def test_what_is_no_summary_is_refused(client: Client, query: Query) -> None:
    """An unknown bucket or dimension, and a cursor that no page ended with, are 400s."""
    await ask(client, f"{ACCOUNT}/summary", query, status=400)


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        (ACCOUNT, "owner-2", 404),
        (VENDOR, "owner-1", 403),
        (KEY, "nobody", 401),
        (UNATTRIBUTED, "owner-1", 403),
    ],
)
async def test_nobody_sees_anothers_counts(client: Client, path: str, token: str, status: int) -> None:
    """Who may not read a list may not see its counts either."""
    await ask(client, f"{path}/summary", {"bucket": "day"}, token=token, status=status)


MOMENTS: Final = st.integers(-200, 200).map(lambda n: EPOCH + n * timedelta(minutes=13, microseconds=1))
BATCHES: Final = st.lists(st.lists(st.integers(1, 50), max_size=20), min_size=1, max_size=6)


def event(number: int) -> AccessEvent:
    """Return one of many events, some alike in what is counted, at the edges of hours and days late."""
    return mixed_event(number, at=EPOCH - number % 7 * 11 * HOUR - timedelta(microseconds=number % 2))


@given(
    scope=st.sampled_from([AccountScope(account_id=AccountId("acc_1")), UnattributedScope()]),
    batches=BATCHES,
    since=MOMENTS,
    until=MOMENTS,
    bucket=st.sampled_from(Bucket),
    by=st.frozensets(st.sampled_from(Dimension), min_size=1),
)
@OVER_ONE_LOG
async def test_a_summary_agrees_with_the_rows(
    pool: Pool,
    scope: Scope,
    batches: Sequence[Sequence[int]],
    since: datetime,
    until: datetime,
    bucket: Bucket,
    by: frozenset[Dimension],
) -> None:
    """After any batches, with repetitions and late events, a summary of any time is the rows counted."""
    await pool.execute(
        "truncate access_log.events, access_log.hourly_counts, access_log.daily_counts, access_log.offsets"
    )
    access_log = AccessLog(pool, "access")
    await Partitions(pool).make({event(number).at.date() for number in range(1, 51)})
    for offset, batch in enumerate(batches):
        await access_log.file([event(number) for number in batch], [step(offset)])
    question = SummaryQuestion(
        scope=scope,
        filters=Filters(),
        since=since,
        until=until,
        bucket=bucket,
        by=by,
    )
    counts = await read_summary(pool, question, counts_max=1000)
    assert {(each.start, *each.combination): each.requests for each in counts} == _expected(question, batches)


def _expected(question: SummaryQuestion, batches: Sequence[Sequence[int]]) -> Counter[tuple[object, ...]]:
    filed = [event(number) for number in sorted({number for batch in batches for number in batch})]
    counts: Counter[tuple[object, ...]] = Counter()
    for each in filed:
        if belongs(each, question.scope) and question.since <= each.at < question.until:
            told = (value_of(each, by) if by in question.by else "" for by in Dimension)
            counts[_start(each.at, question.bucket), *told] += each.requests
    return counts


def _start(at: datetime, bucket: Bucket) -> datetime:
    hour = at.replace(minute=0, second=0, microsecond=0)
    return hour if bucket is Bucket.HOUR else hour.replace(hour=0)


def test_no_more_buckets_are_counted_than_a_page_takes() -> None:
    """Full ones fill it: then as few are looked into as it takes. Through empty ones it goes ever faster."""
    assert [buckets_next(2, 940, 61), buckets_next(2, 50, 51), buckets_next(8, 10, 1000)] == [1, 3, 32]
    assert [buckets_next(2, 0, 51), buckets_next(8, 0, 51), buckets_next(4, 90, 0)] == [8, 32, 1]
