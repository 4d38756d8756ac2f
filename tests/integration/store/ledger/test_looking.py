"""What decisions look at: lists as they are, and no addition to them that goes unseen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
from msgspec.structs import asdict
from msgspec.structs import replace as replace_event

from keyfold.domain.ids import account_stream, vendor_stream
from keyfold.domain.lifecycle.account import IntegrationsEnabled
from keyfold.domain.lifecycle.fold import Actor, LifecycleEvent
from keyfold.domain.lifecycle.vendor import VendorAmended, VendorApplied
from keyfold.store.ledger.append import Ledger
from keyfold.store.ledger.idempotency_records import (
    LIFE,
    IdempotencyRecords,
    Keeper,
    NewIdempotencyRecord,
)
from keyfold.store.ledger.read_set import AccountKeys, Applications, Expected, ReadSet, ReadSetValues
from keyfold.store.postgres.connection import open_pool
from keyfold.store.postgres.errors import VersionConflict
from tests.support.lifecycle_events import (
    account_created,
    account_id,
    key_created,
    key_id,
    key_revoked,
    vendor_applied,
)
from tests.support.seals import ledger_on
from tests.support.store.events import OPERATOR, draft, now, open_ledger

KEEPER = Keeper(tenant=b"t" * 32, login=b"l" * 32)
KEPT = """
insert into ledger.kept_answers (id, fingerprint, sealed, position, kept_at, tenant, tenant_number)
select sha256(n::text::bytea), sha256(''), '', 0, now(), sha256('t'), n from generate_series(1, 2000) as n
"""
ENABLED_0 = IntegrationsEnabled(account_id=account_id(0))


def applied(number: int, applicant: str) -> VendorApplied:
    """Return the event that somebody applied."""
    return replace_event(vendor_applied(number), applicant=applicant)


def kept_answer(number: int, keeper: Keeper = KEEPER) -> NewIdempotencyRecord:
    """Return an answer to the first of the events that it is kept with."""
    return NewIdempotencyRecord(
        id=number.to_bytes(32), fingerprint=bytes(32), sealed=b"sealed", events=1, keeper=keeper
    )


async def record(ledger: Ledger, events: Sequence[LifecycleEvent]) -> None:
    """Append events to streams as they are."""
    drafts = [draft(event) for event in events]
    loaded = await look(ledger, ReadSet(streams=frozenset(each.stream for each in drafts)))
    await ledger.append(drafts, loaded.expect(), now())


async def look(ledger: Ledger, wanted: ReadSet) -> ReadSetValues:
    """Return what is wanted."""
    return await ledger.look(wanted, now())


async def test_live_keys(database: str) -> None:
    """An account's keys are those that were made and not revoked, with the position of the last one made."""
    wanted = ReadSet(streams=frozenset(), accounts=frozenset(account_id(number) for number in range(3)))
    async with open_ledger(database) as ledger:
        await record(ledger, [account_created(0), account_created(1)])
        await record(ledger, [key_created(1, 0), key_created(2, 0), key_created(3, 1), key_revoked(1, 0)])
        keys = (await look(ledger, wanted)).account_keys
        whole = await look(ledger, ReadSet(streams=frozenset(), whole_accounts=frozenset((account_id(0),))))
    assert keys == {
        account_id(0): AccountKeys(live=1, created_position=4),
        account_id(1): AccountKeys(live=1, created_position=5),
        account_id(2): AccountKeys(live=0, created_position=0),
    }
    assert whole.account_keys == {account_id(0): keys[account_id(0)]}
    assert set(whole.streams) == {f"key-{key_id(2)}"}
    assert whole.head.position == 6


async def test_key_made_meanwhile(database: str) -> None:
    """Whoever decided before another key was made appends nothing, and is told whose keys have changed."""
    wanted = ReadSet(
        streams=frozenset((account_stream(account_id(0)),)), accounts=frozenset((account_id(0),))
    )
    async with open_ledger(database) as ledger:
        await record(ledger, [account_created(0), account_created(1)])
        before = await look(ledger, wanted)
        await record(ledger, [key_created(1, 1)])
        await ledger.append([draft(ENABLED_0)], before.expect(), now())  # another account's is of no matter
        before = await look(ledger, wanted)
        await record(ledger, [key_created(2, 0)])
        with pytest.raises(VersionConflict) as conflict:
            await ledger.append([draft(ENABLED_0)], before.expect(), now())
        assert conflict.value.streams == (f"keys of {account_id(0)}",)
        assert (await ledger.head()).position == 5


async def test_applications(database: str) -> None:
    """What somebody applied for comes folded, and another application meanwhile is a conflict."""
    wanted = ReadSet(streams=frozenset(), applicants=frozenset(("vera", "otis")))
    first, second = applied(1, "vera"), applied(2, "rex")
    async with open_ledger(database) as ledger:
        await record(ledger, [first, second])
        loaded = await look(ledger, wanted)
        assert loaded.applications == {
            "vera": Applications(vendor_ids=frozenset((first.vendor_id,)), applied_position=1),
            "otis": Applications(vendor_ids=frozenset(), applied_position=0),
        }
        assert set(loaded.streams) == {vendor_stream(first.vendor_id)}
        await record(ledger, [applied(3, "otis")])
        fourth = draft(applied(4, "otis"))
        expected = loaded.expect()
        with pytest.raises(VersionConflict) as conflict:
            await ledger.append(
                [fourth],
                Expected(versions={fourth.stream: 0}, applied_positions=expected.applied_positions),
                now(),
            )
    assert conflict.value.streams == ("applications of otis",)


async def test_who_spoke_for_a_vendor_meanwhile(database: str) -> None:
    """Whoever decided before its reviewer spoke for the vendor appends nothing; in a batch it is foreseen."""
    made, other = applied(1, "vera"), applied(2, "otis")
    speakers = frozenset((each.vendor_id, who) for each in (made, other) for who in ("vera", "rita", "olga"))
    wanted = ReadSet(streams=frozenset((vendor_stream(made.vendor_id),)), speakers=speakers)
    amended = VendorAmended(
        **{name: value for name, value in asdict(made).items() if name != "applicant"} | {"name": "Another"}
    )
    async with open_ledger(database) as ledger:
        await record(ledger, [made, other])
        before = await look(ledger, wanted)
        assert not any(before.speakers.values())
        as_vendor = Actor(role="vendor", subject="rita")
        foreseen = before.apply([amended], as_vendor)
        assert not any(before.apply([amended], Actor(role="reviewer", subject="rita")).speakers.values())
        change = replace(draft(amended), actor=as_vendor)
        await ledger.append([change], before.expect(), now())
        found = await look(ledger, wanted)
        assert found.speakers == foreseen.speakers
        assert found.find_speakers(made.vendor_id) == {"rita"}
        assert found.find_speakers(other.vendor_id) == frozenset()
        late = Expected(versions={vendor_stream(made.vendor_id): 2}, silent=before.expect().silent)
        with pytest.raises(VersionConflict) as conflict:
            await ledger.append([replace(change, event_id=draft(made).event_id)], late, now())
    assert conflict.value.streams == (f"speakers of {made.vendor_id}",)


async def test_folds_on(database: str) -> None:
    """What was looked at, with events taken in, is what is looked at after they are recorded."""
    events: list[LifecycleEvent] = [
        key_created(1, 0),
        key_revoked(1, 0),
        key_created(2, 0),
        applied(1, "vera"),
    ]
    streams = frozenset(draft(each).stream for each in [*events, account_created(0)])
    wanted = ReadSet(streams=streams, accounts=frozenset((account_id(0),)), applicants=frozenset(("vera",)))
    async with open_ledger(database) as ledger:
        await record(ledger, [account_created(0)])
        foreseen = (await look(ledger, wanted)).apply(events, OPERATOR)
        await record(ledger, events)
        found = await look(ledger, wanted)
    assert foreseen.streams == found.streams
    assert foreseen.account_keys[account_id(0)].live == found.account_keys[account_id(0)].live
    assert foreseen.applications["vera"].vendor_ids == found.applications["vera"].vendor_ids
    with pytest.raises(LookupError):
        foreseen.apply([account_created(9)], OPERATOR)


async def test_answers(database: str) -> None:
    """An answer is kept with the events or not at all, once for each id, and found for 24 hours."""
    answer = kept_answer(1)
    wanted = ReadSet(streams=frozenset(), answer_ids=frozenset((answer.id,)))
    account = draft(account_created(0))
    async with open_ledger(database) as ledger:
        with pytest.raises(VersionConflict):
            await ledger.append([account], {account.stream: 7}, now(), answers=[answer])
        assert (await look(ledger, wanted)).answers == {}
        await ledger.append([account], {account.stream: 0}, now(), answers=[answer])
        (kept,) = (await look(ledger, wanted)).answers.values()
        assert (kept.fingerprint, kept.sealed, kept.position) == (answer.fingerprint, b"sealed", 1)
        with pytest.raises(VersionConflict):
            await ledger.append([draft(ENABLED_0)], {account.stream: 1}, now(), answers=[answer])
        assert (await ledger.head()).position == 1
        later = now() + LIFE
        assert (await ledger.look(wanted, later)).answers == {}
        await ledger.append([], {}, later, answers=[answer])
        assert answer.id in (await ledger.look(wanted, later)).answers


async def test_answers_of_each(database: str) -> None:
    """It is known how many answers are kept for a tenant and for its login, whatever was kept or removed."""
    other, single = replace(KEEPER, login=b"o" * 32), Keeper(tenant=b"s" * 32, login=None)
    wanted = ReadSet(streams=frozenset(), keepers=frozenset((KEEPER, other, single)))
    start, later = now(), now() + LIFE
    kept = [kept_answer(1), kept_answer(2), kept_answer(3, other), kept_answer(4, single)]
    async with open_pool(database, application_name="test") as pool:
        ledger, records = ledger_on(pool), IdempotencyRecords(pool)
        await ledger.append([], {}, start, answers=kept)
        await ledger.append([], {}, start + LIFE / 2, answers=[kept_answer(5)])
        held = (await look(ledger, wanted)).kept
        assert held == {KEEPER.tenant: 4, KEEPER.login: 3, other.login: 1, single.tenant: 1}
        await ledger.append([], {}, later, answers=[kept_answer(1)])  # over one that has outlived its time
        assert await records.purge(later) == 3
        assert (await look(ledger, wanted)).kept == {KEEPER.tenant: 2, KEEPER.login: 2}
        assert await records.purge(later + LIFE) == 2
        assert (await look(ledger, wanted)).kept == {}


async def test_purge_in_pages(database: str) -> None:
    """However many answers have outlived their time, all of them go."""
    async with open_pool(database, application_name="test") as pool:
        answers = [kept_answer(number) for number in range(2500)]
        await ledger_on(pool).append([], {}, now(), answers=answers)
        assert await IdempotencyRecords(pool).purge(now() + LIFE - timedelta(minutes=1)) == 0
        assert await IdempotencyRecords(pool).purge(now() + LIFE) == 2500


async def test_plan(database: str) -> None:
    """What an append asks under the lock reads no more of a long ledger, or of many answers, than of few."""
    connection = await asyncpg.connect(database)
    try:
        plan = await connection.fetch(
            "explain select max(position) from ledger.events"
            " where account_id = 'acc_1' and type = 'keyfold.subscriber_key.created'"
        )
        await connection.execute(KEPT)
        newest = await connection.fetch(
            "explain select tenant_number from ledger.kept_answers"
            " where tenant = sha256('t') order by tenant_number desc limit 1"
        )
    finally:
        await connection.close()
    assert any("events_account_keys" in row[0] for row in plan)
    assert [row[0].split("  (")[0].strip() for row in newest][:2] == [
        "Limit",
        "->  Index Only Scan Backward using kept_answers_tenant on kept_answers",
    ]
