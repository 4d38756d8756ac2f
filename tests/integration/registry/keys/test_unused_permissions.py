"""Which permissions a key does not use: told from the counts, and unknown where those are not whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from itertools import count

import pytest
from msgspec.structs import replace

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import KeyId
from keyfold.domain.permissions import Access, Category
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import Pool, open_pool
from keyfold.wire.offsets import Advance, PartitionEnd
from keyfold.wire.topics import ACCESS
from tests.support.access_events import access_event
from tests.support.registry.serving import OPERATOR, Answered, Registry, instance, owner
from tests.support.runtime.tokens import SetClock

DAY = timedelta(days=1)
GRANTED = {"patient": "write", "files": "read", "clinical": "read"}
UNKNOWN = [
    {"category": "clinical", "granted": "read", "used": None},
    {"category": "files", "granted": "read", "used": None},
    {"category": "patient", "granted": "write", "used": None},
]


class Log:
    """The access log as the audit service would have it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._access_log = AccessLog(pool, ACCESS.name)
        self._numbers = count(1)
        self._offset = 0

    async def file(self, events: Sequence[AccessEvent]) -> None:
        """File events, in partitions that are made for them."""
        await Partitions(self._pool).make({each.at.date() for each in events})
        numbered = [replace(each, event_id=access_event(next(self._numbers)).event_id) for each in events]
        following = self._offset + len(events)
        await self._access_log.file(numbered, [Advance(partition=0, expected=self._offset, next=following)])
        self._offset = following

    async def is_whole(self, *, ago_s: float = 0) -> None:
        """Note that so many seconds ago everything was filed, in two partitions."""
        at = await self._access_log.time() - timedelta(seconds=ago_s)
        ends = {
            partition: PartitionEnd(offset=offset, asked_at=at)
            for partition, offset in ((0, self._offset), (1, 0))
        }
        await self._access_log.note_caught_up(ends)


@pytest.fixture
async def log(database: str) -> AsyncIterator[Log]:
    """A log in which nothing is filed yet."""
    async with open_pool(database, application_name="test") as pool:
        yield Log(pool)


def used(
    key_id: str,
    category: Category,
    access: Access = Access.READ,
    *,
    at: datetime,
    reason: Reason | None = None,
) -> AccessEvent:
    """Return a request with the key."""
    return access_event(1, key_id=KeyId(key_id), category=category, access=access, at=at, reason=reason)


async def unused(registry: Registry, key: dict[str, str], query: str = "") -> Answered:
    """Ask which permissions the key does not use."""
    path = f"/v1/accounts/{key['account_id']}/keys/{key['key_id']}/unused-permissions{query}"
    return await registry.ask(owner(key["account_id"]), "GET", path)


async def test_what_was_allowed_is_used(registry: Registry, log: Log) -> None:
    """Each granted category says how far it was used; what was denied and other keys' requests are no use."""
    key = await registry.key(await registry.account(), permissions=GRANTED)
    now = SYSTEM_CLOCK.now()
    await log.file(
        [
            used(key["key_id"], Category.PATIENT, at=now),
            used(key["key_id"], Category.CLINICAL, at=now, reason=Reason.STALE),
            used("key_other", Category.FILES, at=now),
        ]
    )
    await log.is_whole()
    answer = await unused(registry, key)
    assert (answer.status, answer.body["unused"]) == (200, ["clinical", "files"])
    assert answer.body["categories"] == [
        {"category": "clinical", "granted": "read", "used": "none"},
        {"category": "files", "granted": "read", "used": "none"},
        {"category": "patient", "granted": "write", "used": "read"},
    ]
    assert (answer.body["key_id"], answer.body["days"]) == (key["key_id"], 30)
    assert (answer.body["since"], answer.body["unknown_because"]) == (key["created_at"], None)
    assert SYSTEM_CLOCK.now() - datetime.fromisoformat(answer.body["as_of"]) < timedelta(seconds=60)


async def test_since_the_hour_so_many_days_ago(registry: Registry, log: Log, database: str) -> None:
    """Of an old key the hours count from that many days ago, the first of them whole."""
    key = await registry.key(await registry.account(), permissions=GRANTED)
    hour = SYSTEM_CLOCK.now().replace(minute=0, second=0, microsecond=0) + 80 * DAY
    since = hour - 7 * DAY
    await log.file(
        [
            used(key["key_id"], Category.FILES, at=since),
            used(key["key_id"], Category.PATIENT, Access.WRITE, at=since - timedelta(microseconds=1)),
        ]
    )
    await log.is_whole()
    async with instance(database, clock=SetClock(at=hour + timedelta(minutes=59))) as later:
        answer = await unused(later, key, "?days=7")
        assert datetime.fromisoformat(answer.body["since"]) == since
        assert answer.body["unused"] == ["clinical", "patient"]
        assert (await unused(later, key, "?days=8")).body["unused"] == ["clinical"]


async def test_unknown_before_anything_was_noted(registry: Registry, log: Log) -> None:
    """While one partition was never noted to be whole nothing is said, least of all that nothing is used."""
    key = await registry.key(await registry.account(), permissions=GRANTED)
    for _ in range(2):
        answer = await unused(registry, key)
        assert (answer.status, answer.body["unused"], answer.body["as_of"]) == (200, None, None)
        assert answer.body["categories"] == UNKNOWN
        assert "not known yet" in answer.body["unknown_because"]
        await log.file([used(key["key_id"], Category.FILES, at=SYSTEM_CLOCK.now())])


async def test_unknown_when_the_log_fell_behind(registry: Registry, log: Log) -> None:
    """Counts that were last whole more than five minutes ago are not relied upon; a little less is enough."""
    key = await registry.key(await registry.account(), permissions=GRANTED)
    await log.is_whole(ago_s=310)
    answer = await unused(registry, key)
    assert (answer.body["unused"], answer.body["categories"]) == (None, UNKNOWN)
    assert "5 minutes" in answer.body["unknown_because"]
    assert answer.body["as_of"] is not None
    await log.is_whole(ago_s=200)
    assert (await unused(registry, key)).body["unused"] == ["clinical", "files", "patient"]


async def test_unknown_when_the_log_cannot_be_read(registry: Registry, log: Log, database: str) -> None:
    """A database whose access log is out of reach is no reason to say that nothing is used, nor to fail."""
    key = await registry.key(await registry.account(), permissions=GRANTED)
    await log.is_whole()
    async with open_pool(database, application_name="test") as pool:
        await pool.execute("alter table access_log.hourly_counts rename to elsewhere")
    answer = await unused(registry, key)
    assert (answer.status, answer.body["unused"]) == (200, None)
    assert answer.body["unknown_because"] == "The access log cannot be read at present."


async def test_a_revoked_key_has_nothing_to_lose(registry: Registry, log: Log) -> None:
    """A revoked key was granted nothing any more, so nothing of it is unused."""
    key = await registry.key(await registry.account(), permissions=GRANTED)
    path = f"/v1/accounts/{key['account_id']}/keys/{key['key_id']}"
    await registry.ask(owner(key["account_id"]), "DELETE", path)
    await log.is_whole()
    answer = await unused(registry, key)
    assert (answer.body["unused"], answer.body["categories"]) == ([], [])


async def test_whose_key_and_how_many_days(registry: Registry, log: Log) -> None:
    """Another account's key and an unknown one are not found; days are a number from 1 to 90."""
    key, other = await registry.key(await registry.account()), await registry.account()
    await log.is_whole()
    assert (await unused(registry, {**key, "account_id": other})).status == 404
    assert (await unused(registry, {**key, "key_id": "key_000000000000"})).status == 404
    theirs = f"/v1/accounts/{key['account_id']}/keys/{key['key_id']}/unused-permissions"
    assert (await registry.ask(owner(other), "GET", theirs)).status == 404
    assert (await registry.ask(OPERATOR, "GET", theirs)).status == 403
    for wrong in ("?days=0", "?days=91", "?days=x", "?day=1"):
        assert (await unused(registry, key, wrong)).status == 400
    for right in ("?days=1", "?days=90"):
        assert (await unused(registry, key, right)).status == 200
