"""Seals at the ledger's end: what a registry seals, what it will not seal, and how its key is replaced."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest

from keyfold.registry.ledger.seal_keys import allow_first_seal
from keyfold.store.ledger.append import Ledger
from keyfold.store.ledger.sealing import HeadSealer, HeadUnsealed, SealKeyAbsent
from keyfold.store.postgres.connection import Pool, open_pool
from keyfold.wire.events.chain import GENESIS, ChainedRow, Head
from keyfold.wire.proof.seal import SEAL_EVERY, SealRing
from keyfold.wire.proof.sealed_chain import Forged, SealedChain, Unfollowable
from tests.support.database import execute
from tests.support.registry.serving import OPERATOR, instance
from tests.support.seals import KEY, NEXT_KEY, NEXT_SIGNER, RING, SIGNER, TRUSTED, ledger_on
from tests.support.store.events import append_new, created, draft, now

STRIP = "alter table ledger.head drop constraint head_is_sealed"
FORGE = (
    "insert into ledger.events (position, stream, version, event_id, type, schema_version, data, actor_role,"
    " actor_subject, request_id, recorded_at, hash) select position + 1, 'account-acc_forged', 1,"
    " gen_random_uuid(), type, schema_version, data, actor_role, actor_subject, request_id, recorded_at,"
    " sha256(hash) from ledger.events order by position desc limit 1"
)
MOVE_HEAD = (
    "update ledger.head set (position, hash) ="
    " (select position, hash from ledger.events order by position desc limit 1)"
)
PATH = "/v1/ledger/seal-key"


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """Connections of a registry."""
    async with open_pool(database, application_name="test") as opened:
        yield opened


async def rows_of(ledger: Ledger) -> list[ChainedRow]:
    """Return the whole ledger."""
    return await ledger.rows_after(0, 10_000)


def read(rows: list[ChainedRow]) -> SealedChain[None]:
    """Return what a reader makes of rows."""
    reader = SealedChain[None](GENESIS, TRUSTED)
    for row in rows:
        with suppress(Forged):
            reader.take(row, None)
    return reader


async def test_each_batch_is_sealed(pool: Pool) -> None:
    """The last row of what is appended together has a seal, and a long batch has some in between."""
    ledger = ledger_on(pool)
    drafts = [draft(created(number)) for number in range(SEAL_EVERY + 2)]
    await ledger.append(drafts, {each.stream: 0 for each in drafts}, now())
    await append_new(ledger, [created(9999)])
    rows = await rows_of(ledger)
    assert [row.row.position for row in rows if row.seal] == [SEAL_EVERY, SEAL_EVERY + 2, SEAL_EVERY + 3]
    assert read(rows).head == rows[-1].head


async def test_what_sql_has_written_is_not_sealed(database: str, pool: Pool) -> None:
    """A registry appends nothing to a head that somebody else has moved: it would vouch for all before."""
    async with instance(database) as registry:
        await registry.account()
        await execute(database, STRIP, FORGE, MOVE_HEAD)
        refused = await registry.ask(OPERATOR, "POST", "/v1/accounts", {"name": "Practice"})
        assert refused.status == 503
    ledger = ledger_on(pool)
    assert read(await rows_of(ledger)).head.position == 1
    with pytest.raises(HeadUnsealed, match="position 2 has no seal of this registry"):
        await append_new(ledger, [created(1)])


async def test_seals_taken_out_of_the_database_stop_readers(database: str, pool: Pool) -> None:
    """Who takes all seals away makes a registry begin anew; a reader that has seen one does not follow."""
    ledger = ledger_on(pool)
    await append_new(ledger, [created(1)])
    seen = read(await rows_of(ledger))
    await execute(
        database,
        STRIP,
        FORGE,
        "update ledger.events set seal = null",
        MOVE_HEAD,
        "update ledger.head set seal = null, seal_key = null, sealed_position = null",
    )
    sealer = HeadSealer(RING)
    again = Ledger(pool, sealer)
    await allow_first_seal(again, sealer)
    await append_new(again, [created(2)])
    forged, first = (await rows_of(again))[1:]
    with pytest.raises(Forged):
        seen.take(forged, None)
    with pytest.raises(Unfollowable, match="begin anew"):
        seen.take(first, None)


async def test_a_ledger_of_before_is_sealed_as_it_stands(database: str, pool: Pool) -> None:
    """The first batch after an upgrade seals all before it; a registry of before can append no more then."""
    await append_new(ledger_on(pool), [created(1), created(2)])
    await execute(
        database,
        "update ledger.events set seal = null",
        "update ledger.head set seal = null, seal_key = null, sealed_position = null",
    )
    sealer = HeadSealer(RING)
    ledger = Ledger(pool, sealer)
    with pytest.raises(HeadUnsealed):
        await append_new(ledger, [created(3)])
    await allow_first_seal(ledger, sealer)
    await append_new(ledger, [created(3)])
    await append_new(ledger, [created(4)])
    reader = read(await rows_of(ledger))
    assert (reader.head.position, reader.seal_key) == (4, SIGNER.public_key)
    with pytest.raises(asyncpg.CheckViolationError, match="head_is_sealed"):
        await execute(database, "update ledger.head set position = position + 1, hash = sha256(hash)")


async def test_the_key_is_replaced(database: str, pool: Pool) -> None:
    """Both keys sign the change; readers follow it, and what the old key seals afterwards is not believed."""
    async with instance(database) as registry:
        await registry.account()
        assert (await registry.ask(OPERATOR, "GET", PATH)).body == {"public_key": SIGNER.public_key.hex()}
        rotated = await registry.ask(OPERATOR, "POST", f"{PATH}/rotate")
        assert (rotated.status, rotated.body) == (200, {"public_key": NEXT_SIGNER.public_key.hex()})
        again = await registry.ask(OPERATOR, "POST", f"{PATH}/rotate")
        assert (again.status, again.slug) == (409, "no-next-seal-key")
        await registry.account()
    await append_new(Ledger(pool, HeadSealer(SealRing([NEXT_KEY]))), [created(2)])
    rows = await rows_of(ledger_on(pool))
    reader = read(rows)
    assert (reader.head.position, reader.seal_key) == (4, NEXT_SIGNER.public_key)
    before = read(rows[:2])
    head = Head(position=3, hash=rows[2].hash)
    assert before.take(rows[2]._replace(seal=SIGNER.seal(head)), None) == ([], [])
    with pytest.raises(SealKeyAbsent, match="is not the key in force"):
        await append_new(Ledger(pool, HeadSealer(SealRing([KEY]))), [created(1)])


async def test_a_registry_with_the_next_key_alone_goes_on(database: str, pool: Pool) -> None:
    """Right after the change the old key is needed for nothing any more."""
    async with instance(database) as registry:
        await registry.account()
        assert (await registry.ask(OPERATOR, "POST", f"{PATH}/rotate")).status == 200
    await append_new(Ledger(pool, HeadSealer(SealRing([NEXT_KEY]))), [created(1)])
    assert read(await rows_of(ledger_on(pool))).head.position == 3


async def test_without_another_key(database: str) -> None:
    """A registry that holds no next key says what to set."""
    async with instance(database, ring=SealRing([KEY])) as registry:
        refused = await registry.ask(OPERATOR, "POST", f"{PATH}/rotate")
    assert (refused.status, refused.slug) == (409, "no-next-seal-key")
    assert "KEYFOLD_SEAL_KEY_NEXT" in refused.body["detail"]
