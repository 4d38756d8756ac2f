"""Walks through pages of activity, of whomever and with whatever conditions, while the log grows."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import AccountId, KeyId, VendorId
from keyfold.domain.permissions import Access, Category
from keyfold.local.servers.postgres import LocalPostgres
from keyfold.store.access_log.activity import READS_MAX, Ask, read_activity
from keyfold.store.access_log.scope import AccountScope, Filters, KeyScope, UnattributedScope, VendorScope
from keyfold.store.postgres.connection import Pool, open_pool
from tests.support.access_events import EPOCH, access_event
from tests.support.audit.log import Log, belongs
from tests.support.database import clone_database

DAYS = 25
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)

SCOPES = st.sampled_from(
    [
        AccountScope(account_id=AccountId("acc_0")),
        KeyScope(account_id=AccountId("acc_0"), key_id=KeyId("key_1")),
        VendorScope(vendor_id=VendorId("ven_1")),
        UnattributedScope(),
    ]
)
CONDITIONS: Sequence[Mapping[str, Any]] = [
    {"key_id": KeyId("key_1")},
    {"vendor_id": VendorId("ven_1")},
    {"category": Category.PATIENT},
    {"access": Access.WRITE},
    {"reason": Reason.READ_ONLY},
    {"denied": True},
    {"denied": False},
]
FILTERS = st.lists(st.sampled_from(CONDITIONS), max_size=2).map(
    lambda chosen: Filters(**{name: value for each in chosen for name, value in each.items()})
)
# Within the hours in which there is something, and a little beside them.
ENDS = st.builds(
    lambda days, minutes: EPOCH - days * DAY - minutes * MINUTE, st.integers(-1, 8), st.integers(-9, 150)
)
SPANS = st.builds(
    lambda days, minutes: days * DAY + minutes * MINUTE, st.sampled_from([0, 5, DAYS]), st.integers(0, 150)
)
ASKS = st.builds(
    lambda scope, filters, until, span: Ask(scope=scope, filters=filters, since=until - span, until=until),
    SCOPES,
    FILTERS,
    ENDS,
    SPANS,
)


class Growing:
    """A log with three weeks of events, and what is in it."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.events: list[AccessEvent] = []
        self._log = Log(pool)
        self._numbers = count(1)

    async def grow(self, events: int) -> None:
        """File that many more, of any time."""
        more = [_event(number) for number, _ in zip(self._numbers, range(events), strict=False)]
        await self._log.file(*more)
        self.events += more


def _event(number: int) -> AccessEvent:
    chance = random.Random(number)
    return access_event(
        number,
        # In a few hours of each day, and now and then two of one moment.
        at=EPOCH - chance.randrange(DAYS) * DAY - chance.randrange(150) * MINUTE,
        account_id=chance.choice([None, AccountId("acc_0"), AccountId("acc_1")]),
        key_id=KeyId(f"key_{chance.randrange(3)}"),
        vendor_id=chance.choice([None, VendorId("ven_1"), VendorId("ven_2")]),
        category=chance.choice([None, Category.PATIENT, Category.FILES]),
        access=chance.choice([None, Access.READ, Access.WRITE]),
        reason=chance.choice([None, None, None, Reason.READ_ONLY, Reason.CATEGORY_DENIED]),
    )


@pytest.fixture(scope="module")
async def log(postgres_server: LocalPostgres, template_database: str) -> AsyncIterator[Growing]:
    """The log that all walks are through."""
    dsn = await clone_database(postgres_server.dsn, template_database, "walks")
    async with open_pool(dsn, application_name="test") as pool:
        log = Growing(pool)
        await log.grow(1200)
        yield log


@given(
    ask=ASKS,
    page=st.integers(1, 60),
    arriving=st.integers(0, 3),
    patience=st.integers(0, 4),
    reads_max=st.sampled_from([READS_MAX, (1, 2)]),
)
@settings(max_examples=80, deadline=None, derandomize=True, database=None)
async def test_a_walk_shows_each_event_once(
    log: Growing, ask: Ask, page: int, arriving: int, patience: int, reads_max: Sequence[int]
) -> None:
    """Whatever is asked, and whatever arrives on the way: what was there is shown once, in its order, also if
    pages are short because they took long enough."""
    steps, growths = count(1), iter(range(5))

    async def pause() -> bool:
        return patience > 0 and next(steps) % patience == 0

    there = set(_meeting(log.events, ask))
    shown: list[AccessEvent] = []
    while True:
        found = await read_activity(log.pool, ask, events_max=page, pause=pause, reads_max=reads_max)
        shown += found.events
        if len(found.events) < page and found.looked_to is None:
            break
        if found.looked_to is not None:
            ask = replace(ask, before=found.looked_to)
        else:
            ask = replace(ask, before=(found.events[-1].at, found.events[-1].event_id))
        if next(growths, None) is not None:
            await log.grow(arriving)
    assert shown == sorted(set(shown), key=_place, reverse=True)
    assert there <= set(shown) <= set(_meeting(log.events, ask))


def _place(event: AccessEvent) -> tuple[object, ...]:
    return event.at, event.event_id


def _meeting(events: Sequence[AccessEvent], ask: Ask) -> Iterator[AccessEvent]:
    wanted = [
        (field.name, value)
        for field in fields(ask.filters)
        if (value := getattr(ask.filters, field.name)) is not None
    ]
    for event in events:
        has = {**structs.asdict(event), "denied": event.reason is not None}
        meets = ask.since <= event.at < ask.until and all(has[name] == value for name, value in wanted)
        if meets and belongs(event, ask.scope):
            yield event
