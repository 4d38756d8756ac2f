"""What time alone brings about: recorded once each, however late, by whichever registry leads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from structlog.testing import capture_logs

from keyfold.domain.lifecycle.fold import Actor, LifecycleEvent, RecordedEvent
from keyfold.domain.lifecycle.subscriber_key import SubscriberKeyExpiryNear, SubscriberKeyOverlapEnded
from keyfold.domain.lifecycle.vendor import VendorReviewsLapseNear
from keyfold.domain.lifecycle.vendor_key import VendorKeyOverlapEnded
from keyfold.registry.commands.execution import Commands
from keyfold.registry.timekeeping import Timekeeper
from keyfold.runtime.clock import SYSTEM_CLOCK, Clock
from keyfold.store.ledger.append import Ledger
from keyfold.store.postgres.connection import open_pool
from keyfold.store.postgres.errors import ReadModelAbsent
from keyfold.store.postgres.notifications import Notifications
from keyfold.store.read_model.reader import PROJECTION_CHANNEL, ReadModel
from keyfold.wire.events.chain import understand
from tests.support.eventually import eventually
from tests.support.lifecycle_events import account_created, key_created, key_rotated
from tests.support.registry.commanding import SetClock
from tests.support.registry.serving import REVIEWER, Registry, folding, owner, serving
from tests.support.seals import ledger_on
from tests.support.store.events import append_new

MANY = 1500

E = TypeVar("E", bound=LifecycleEvent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A registry, the clock that all of it goes by, and timekeepers in processes of their own."""

    registry: Registry
    clock: SetClock
    timekeepers: Sequence[Timekeeper]
    model: ReadModel

    async def after(self, time: timedelta) -> list[LifecycleEvent]:
        """Let time pass, have every timekeeper look at once and then again; return what was recorded."""
        before = (await self.registry.ledger.head()).position
        assert await self.model.caught_up(before, timeout_s=10)
        self.clock.moved_by += time
        for _ in range(2):
            await asyncio.gather(*(each.record_due() for each in self.timekeepers))
        recorded = await events(self.registry.ledger, before)
        timekeeper = Actor(role="keyfold", subject="timekeeper")
        assert all(each.actor == timekeeper and each.request_id for each in recorded)
        return [each.event for each in recorded]

    async def rotated_key(self, overlap: timedelta) -> dict[str, Any]:
        """Make a subscriber key and rotate it."""
        account_id = await self.registry.account()
        key = await self.registry.key(account_id)
        path = f"/v1/accounts/{account_id}/keys/{key['key_id']}/rotate"
        body = {"overlap_s": int(overlap.total_seconds())}
        return dict((await self.registry.ask(owner(account_id), "POST", path, body)).body["key"])

    async def expiring_key(self, after: timedelta) -> dict[str, Any]:
        """Make a subscriber key that expires."""
        expires_at = (self.clock.now() + after).isoformat()
        return await self.registry.key(await self.registry.account(), expires_at=expires_at)


@asynccontextmanager
async def timekeeper(database: str, clock: Clock) -> AsyncIterator[tuple[Timekeeper, ReadModel]]:
    """Yield one with connections of its own, and the read model that it looks at."""
    async with (
        open_pool(database, application_name="test") as pool,
        Notifications(database, PROJECTION_CHANNEL) as projected,
    ):
        model = ReadModel(pool, projected)
        yield Timekeeper(model, Commands(ledger_on(pool), clock), clock, interval_s=0.05), model


@pytest.fixture
async def kept(database: str) -> AsyncIterator[Kept]:
    """A registry with two timekeepers, though only one would lead."""
    clock = SetClock()
    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(serving(database, clock=clock))
        keepers = [await stack.enter_async_context(timekeeper(database, clock)) for _ in range(2)]
        yield Kept(
            registry=registry,
            clock=clock,
            timekeepers=[keeper for keeper, _ in keepers],
            model=keepers[0][1],
        )


async def events(ledger: Ledger, after: int = 0) -> list[RecordedEvent]:
    """Return every event above a position."""
    found: list[RecordedEvent] = []
    while rows := await ledger.rows_after(after + len(found), 1000):
        found += [understand(row.row, row.hash) for row in rows]
    return found


def at(text: str) -> datetime:
    """Read a time of an answer."""
    return datetime.fromisoformat(text)


async def test_overlap_end(kept: Kept) -> None:
    """The end of an overlap is recorded once, by two at once too, with the instant at which it was."""
    key = await kept.rotated_key(timedelta(hours=1))
    assert await kept.after(timedelta(minutes=59)) == []
    ended = SubscriberKeyOverlapEnded(
        key_id=key["key_id"], account_id=key["account_id"], ended_at=at(key["old_secret_works_until"])
    )
    assert await kept.after(timedelta(minutes=1)) == [ended]
    assert await kept.after(timedelta(days=400)) == []


async def test_down_then(kept: Kept) -> None:
    """An overlap that ended while nobody looked is recorded afterwards, with the instant at which it was."""
    key = await kept.rotated_key(timedelta(hours=1))
    (ended,) = await kept.after(timedelta(days=30))
    assert isinstance(ended, SubscriberKeyOverlapEnded)
    assert ended.ended_at == at(key["old_secret_works_until"])


async def test_vendor_key(kept: Kept) -> None:
    """The overlap of a vendor key ends in the same way, also while its vendor is suspended."""
    path = f"/v1/vendors/{await kept.registry.approved_vendor()}"
    key = (await kept.registry.ask(REVIEWER, "POST", f"{path}/keys")).body["key"]
    rotation = f"{path}/keys/{key['key_id']}/rotate"
    rotated = (await kept.registry.ask(REVIEWER, "POST", rotation, {"overlap_s": 60})).body["key"]
    await kept.registry.ask(REVIEWER, "POST", f"{path}/suspend", {"reason": "a leak"})
    ended = VendorKeyOverlapEnded(
        key_id=key["key_id"], vendor_id=key["vendor_id"], ended_at=at(rotated["old_secret_works_until"])
    )
    assert await kept.after(timedelta(minutes=2)) == [ended]


async def test_ended_otherwise(kept: Kept) -> None:
    """What a revocation or another rotation has ended already ends no second time."""
    revoked, again = await kept.rotated_key(timedelta(hours=1)), await kept.rotated_key(timedelta(hours=1))
    paths = [f"/v1/accounts/{each['account_id']}/keys/{each['key_id']}" for each in (revoked, again)]
    await kept.registry.ask(owner(revoked["account_id"]), "DELETE", paths[0])
    await kept.registry.ask(owner(again["account_id"]), "POST", f"{paths[1]}/rotate", {"overlap_s": 0})
    assert await kept.after(timedelta(hours=2)) == []


async def test_reminders(kept: Kept) -> None:
    """The owner is reminded 14 days before a key expires and 3 days before, once each."""
    key = await kept.expiring_key(timedelta(days=20))
    assert await kept.after(timedelta(days=5, hours=23)) == []
    for days in (timedelta(hours=1), timedelta(days=11)):
        (reminder,) = await kept.after(days)
        assert isinstance(reminder, SubscriberKeyExpiryNear)
        assert (reminder.key_id, reminder.expires_at) == (key["key_id"], at(key["expires_at"]))
        assert timedelta(0) <= kept.clock.now() - reminder.reminded_at < timedelta(minutes=1)
    assert await kept.after(timedelta(days=30)) == []


async def test_reminders_that_nobody_looked_at(kept: Kept) -> None:
    """Both reminders due at once are one."""
    await kept.expiring_key(timedelta(days=20))
    recorded = await kept.after(timedelta(days=18))
    assert [type(each) for each in recorded] == [SubscriberKeyExpiryNear]
    assert await kept.after(timedelta(days=1)) == []


async def test_reminders_of_another_expiry(kept: Kept) -> None:
    """An expiry that is moved brings its own reminders, one that is near already only those ahead of it."""
    key = await kept.expiring_key(timedelta(days=10))
    account = owner(key["account_id"])
    path = f"/v1/accounts/{key['account_id']}/keys/{key['key_id']}"
    assert await kept.after(timedelta(days=1)) == []
    later = {"expires_at": (kept.clock.now() + timedelta(days=100)).isoformat()}
    await kept.registry.ask(account, "PATCH", path, later)
    assert await kept.after(timedelta(days=80)) == []
    assert len(await kept.after(timedelta(days=6))) == 1
    await kept.registry.ask(account, "PATCH", path, {"expires_at": None})
    assert await kept.after(timedelta(days=30)) == []


async def test_lapse_warning(kept: Kept) -> None:
    """Reviewers are warned 30 days before a review of an approved vendor lapses; nothing stops by itself."""
    path = f"/v1/vendors/{await kept.registry.approved_vendor()}"
    await kept.registry.applied_vendor("Never approved", "otis")
    reviews = (await kept.registry.ask(REVIEWER, "GET", path)).body["reviews"]
    assert await kept.after(timedelta(days=334)) == []
    warnings = await kept.after(timedelta(days=1, minutes=1))
    assert [each.lapses_at for each in warnings if isinstance(each, VendorReviewsLapseNear)] == [
        at(each["lapses_at"]) for each in reviews
    ]
    assert len(warnings) == 2
    assert await kept.after(timedelta(days=400)) == []
    assert (await kept.registry.ask(REVIEWER, "GET", path)).body["state"] == "approved"


async def test_everything_at_once(kept: Kept) -> None:
    """A key's overlap and reminder, a vendor key's overlap and a lapse fall due at once: all are recorded."""
    key = await kept.expiring_key(timedelta(days=360))
    path = f"/v1/accounts/{key['account_id']}/keys/{key['key_id']}/rotate"
    await kept.registry.ask(owner(key["account_id"]), "POST", path, {"overlap_s": 3600})
    vendor_path = f"/v1/vendors/{await kept.registry.approved_vendor()}"
    issued = (await kept.registry.ask(REVIEWER, "POST", f"{vendor_path}/keys")).body["key"]
    rotation = f"{vendor_path}/keys/{issued['key_id']}/rotate"
    await kept.registry.ask(REVIEWER, "POST", rotation, {"overlap_s": 3600})
    recorded = await kept.after(timedelta(days=350))
    assert sorted(type(each).__name__ for each in recorded) == [
        "SubscriberKeyExpiryNear",
        "SubscriberKeyOverlapEnded",
        "VendorKeyOverlapEnded",
        "VendorReviewsLapseNear",
        "VendorReviewsLapseNear",
    ]


async def test_many_at_once(database: str) -> None:
    """However many fall due together, all are recorded, each once."""
    history: list[LifecycleEvent] = [account_created(1)]
    for number in range(1, MANY + 1):
        history += [
            key_created(number),
            key_rotated(number, secret=MANY + number, overlap=timedelta(days=1)),
        ]
    async with (
        open_pool(database, application_name="test") as pool,
        timekeeper(database, SYSTEM_CLOCK) as (keeper, _),
    ):
        ledger = ledger_on(pool)
        await append_new(ledger, history)
        async with folding(database, pool):
            keeping = asyncio.create_task(keeper.run())

            async def all_recorded() -> bool:
                return (await ledger.head()).position >= len(history) + MANY

            async def nothing_is_due() -> bool:
                # The read model comes a moment after the ledger.
                return await keeper.record_due() == 0

            try:
                await eventually(all_recorded)
                await eventually(nothing_is_due)
            finally:
                keeping.cancel()
                await asyncio.wait([keeping])
        recorded = [each.event for each in await events(ledger, len(history))]
    assert len(recorded) == MANY
    assert {type(each) for each in recorded} == {SubscriberKeyOverlapEnded}
    ended = [each.key_id for each in recorded if isinstance(each, SubscriberKeyOverlapEnded)]
    assert len(set(ended)) == MANY


async def test_without_a_read_model(database: str) -> None:
    """While there is no read model it waits and says so, and does its work once there is one."""
    overlap = timedelta(days=1)
    history: list[LifecycleEvent] = [
        account_created(1),
        key_created(1),
        key_rotated(1, secret=2, overlap=overlap),
    ]
    async with (
        open_pool(database, application_name="test") as pool,
        timekeeper(database, SYSTEM_CLOCK) as (keeper, _),
    ):
        ledger = ledger_on(pool)
        await append_new(ledger, history)
        with pytest.raises(ReadModelAbsent):
            await keeper.record_due()
        with capture_logs() as logs:
            keeping = asyncio.create_task(keeper.run())

            async def waits() -> bool:
                return [each["event"] for each in logs].count("timekeeping_waits") > 1

            await eventually(waits)
            async with folding(database, pool):

                async def recorded() -> bool:
                    return "time_passed" in [each["event"] for each in logs]

                await eventually(recorded)
                keeping.cancel()
                await asyncio.wait([keeping])
        assert (await ledger.head()).position == len(history) + 1
