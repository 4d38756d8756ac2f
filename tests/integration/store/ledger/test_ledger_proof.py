"""Whatever a hostile DBA does to the ledger by SQL, `ledger verify` names the first broken position."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from keyfold.cli.commands.ledger.verification import Evidence, Verification, verify
from keyfold.domain.lifecycle.account import AccountCreated
from keyfold.store.ledger.scan import open_scan
from keyfold.wire.proof.signed_head import format_line
from keyfold.wire.proof.signed_head_proof import FindingKind
from keyfold.wire.timestamp import format_time
from tests.support.store.events import CREATED, ENABLED, created, draft, now, open_ledger
from tests.support.store.long_history import history
from tests.support.store.tampering import COLUMNS, dba_of, forge, make_vouched
from tests.support.store.tamperings import (
    LEDGER,
    ROWS,
    Tampering,
    change_actor,
    change_hash,
    change_time,
    delete_first,
    delete_middle,
    delete_two_and_close_up,
    edit,
    edit_rehashed,
    end_of_time,
    insert,
    no_head,
    only_head,
    repeat,
    swap,
    truncate_head_left,
)
from tests.support.wire.signed_heads import OTHER_KEY, PUBLIC_KEYS, event_of, sign_claim

NO_FILE = Evidence(public_keys=PUBLIC_KEYS)
FILE = Evidence(public_keys=PUBLIC_KEYS, checkpoints_file=LEDGER.file)
NOTHING_KNOWN = Evidence(public_keys={})

Found = list[tuple[str, int | None]]


async def verified(database: str, evidence: Evidence = NO_FILE) -> Verification:
    """Return what is found in a database."""
    return await verify(database, evidence, lambda proven, of: None)


def found_in(verification: Verification) -> Found:
    """Return the kind and position of everything that is wrong."""
    return [(each.kind.value, each.position) for each in verification.findings]


@pytest.mark.parametrize(
    ("tamper", "kind", "position"),
    [
        (edit, FindingKind.ALTERED, 6),
        (edit_rehashed, FindingKind.ALTERED, 7),
        (change_actor, FindingKind.ALTERED, 3),
        (change_time, FindingKind.ALTERED, 7),
        (end_of_time, FindingKind.ALTERED, 7),
        (change_hash, FindingKind.ALTERED, 8),
        (delete_middle, FindingKind.MISSING, 9),
        (delete_two_and_close_up, FindingKind.ALTERED, 8),
        (delete_first, FindingKind.MISSING, 1),
        (insert, FindingKind.ALTERED, 8),
        (swap, FindingKind.ALTERED, 8),
        (repeat, FindingKind.REPEATED, 6),
        (truncate_head_left, FindingKind.HEAD, 12),
        (only_head, FindingKind.HEAD, 13),
        (no_head, FindingKind.HEAD, 13),
    ],
)
@pytest.mark.parametrize("evidence", [NO_FILE, NOTHING_KNOWN])
async def test_tampering_shows_in_the_chain(
    database: str, tamper: Tampering, kind: FindingKind, position: int, evidence: Evidence
) -> None:
    """Edited, deleted, inserted, swapped or repeated rows show at once, whether or not a key is at hand."""
    async with dba_of(database, ROWS) as dba:
        assert found_in(await verified(database, evidence)) == []
        await tamper(dba)
    verification = await verified(database, evidence)
    assert found_in(verification) == [(kind, position)]
    assert verification.first_broken == position


@pytest.mark.parametrize("column", [*COLUMNS, "hash"])
async def test_nulls(database: str, column: str) -> None:
    """A row that has nothing where something must be is found like any other."""
    async with dba_of(database, ROWS) as dba:
        await dba.run("alter table ledger.events drop constraint events_pkey")
        await dba.run(f"alter table ledger.events alter column {column} drop not null")
        await dba.run(f"update ledger.events set {column} = null where position = 10")
    verification = await verified(database)
    if column == "traceparent":
        assert verification.findings == ()
    elif column == "position":
        assert found_in(verification) == [("missing", 10)]
    else:
        assert found_in(verification) == [("altered", 10)]


async def test_nulls_in_the_head(database: str) -> None:
    """A head that has nothing where something must be is not the last event."""
    async with dba_of(database, ROWS) as dba:
        for column in ("position", "hash", "recorded_at"):
            await dba.run(f"alter table ledger.head alter column {column} drop not null")
        await dba.run("update ledger.head set position = null, hash = null, recorded_at = null")
    assert found_in(await verified(database)) == [("head", 13)]


async def test_edit_says_where_else_it_may_be(database: str) -> None:
    """A row that was edited and sealed again breaks at the next one, and the finding names both."""
    async with dba_of(database, ROWS) as dba:
        await edit_rehashed(dba)
    (finding,) = (await verified(database)).findings
    assert "position 7, or position 6 with its hash, was altered" in finding.detail


async def test_vouched_for_is_above_suspicion(database: str) -> None:
    """Right behind a row that a checkpoint vouches for, only the row itself can have been altered."""
    async with dba_of(database, ROWS) as dba:
        await dba.run("update ledger.events set request_id = '' where position = 5")
    (finding,) = (await verified(database)).findings
    assert finding.detail.endswith("position 5 was altered")


@pytest.mark.parametrize("position", range(1, 10))
async def test_tail_hashed_anew(database: str, position: int) -> None:
    """A chain that is whole again from the edit to the head contradicts the checkpoint after the edit."""
    async with dba_of(database, ROWS) as dba:
        await dba.run("update ledger.events set actor_subject = 'mallory' where position = $1", position)
        await dba.rehash(position)
    broken = 4 if position <= 4 else 9
    expected = [("rewritten", broken)]
    assert found_in(await verified(database)) == expected
    assert found_in(await verified(database, FILE)) == expected


async def test_tail_hashed_anew_with_forged_checkpoints(database: str) -> None:
    """Checkpoints that are rewritten with the tail are signed by nobody who may."""
    async with dba_of(database, ROWS) as dba:
        await edit(dba)
        await dba.rehash(6)
        name, data = forge(9, await dba.hash_at(9))
        await dba.run("update ledger.events set type = $1, data = $2::json where position = 10", name, data)
        await dba.rehash(10)
    assert found_in(await verified(database, NOTHING_KNOWN)) == []
    assert found_in(await verified(database)) == [("forged-checkpoint", 10)]
    assert found_in(await verified(database, FILE)) == [("rewritten", 9)]


async def test_forged_checkpoint_of_an_unknown_key(database: str) -> None:
    """A checkpoint that is well signed, but by a key that nobody named, does not count."""
    builder = make_vouched().builder
    builder.add(event_of(sign_claim(builder.head, OTHER_KEY)))
    async with dba_of(database, builder.rows):
        assert found_in(await verified(database)) == [("forged-checkpoint", 13)]


async def test_checkpoint_in_another_stream(database: str) -> None:
    """A checkpoint outside of its one stream is none."""
    async with dba_of(database, ROWS) as dba:
        await dba.run("update ledger.events set stream = 'ledger-2', version = 1 where position = 10")
        await dba.rehash(10)
    assert found_in(await verified(database)) == [("forged-checkpoint", 10)]


async def test_stranger_in_the_stream_of_checkpoints(database: str) -> None:
    """What is no checkpoint has no place in their stream."""
    async with dba_of(database, ROWS) as dba:
        await dba.run("update ledger.events set stream = 'ledger', version = 3 where position = 11")
        await dba.rehash(11)
    assert found_in(await verified(database)) == [("forged-checkpoint", 11)]


async def test_version_skipped(database: str) -> None:
    """A stream whose versions have a hole shows, even where the whole chain was made anew for it."""
    async with dba_of(database, ROWS) as dba:
        await dba.run("update ledger.events set version = 7 where position = 12")
        await dba.rehash(12)
    assert found_in(await verified(database)) == [("version", 12)]


@pytest.mark.parametrize(("last", "first_gone"), [(11, None), (10, None), (9, 10), (8, 9), (5, 6), (3, 4)])
async def test_truncated_tail(database: str, last: int, first_gone: int | None) -> None:
    """A ledger that ends earlier, its head moved back, is whole in itself: the shipped file gives it away.

    It cannot give away what came after the last checkpoint.
    """
    async with dba_of(database, ROWS) as dba:
        await dba.run("delete from ledger.events where position > $1", last)
        await dba.move_head()
    assert found_in(await verified(database)) == []
    expected: Found = [] if first_gone is None else [("truncated", first_gone)]
    assert found_in(await verified(database, FILE)) == expected


async def test_truncated_and_grown_again(database: str) -> None:
    """A ledger that grew on from where it was cut off holds other events than those that were vouched for."""
    async with dba_of(database, ROWS) as dba:
        await dba.run("delete from ledger.events where position > 8")
        await dba.move_head()
    async with open_ledger(database) as ledger:
        for number in (301, 302, 303):
            written = draft(created(number))
            await ledger.append([written], {written.stream: 0}, now())
    assert found_in(await verified(database)) == []
    assert found_in(await verified(database, FILE)) == [("rewritten", 9)]


async def test_emptied(database: str) -> None:
    """A ledger that is gone altogether is not one that never was, for whoever has the file."""
    async with dba_of(database) as dba:
        assert found_in(await verified(database)) == []
        assert found_in(await verified(database, FILE)) == [("truncated", 1)]
        await dba.write(ROWS)
    assert found_in(await verified(database, FILE)) == [("head", 13)]


def _damaged(index: int, old: bytes, new: bytes) -> bytes:
    lines = LEDGER.file.splitlines(keepends=True)
    lines[index] = lines[index].replace(old, new)
    return b"".join(lines)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (
            LEDGER.file + format_line(sign_claim(LEDGER.builder.head, OTHER_KEY)),
            "line 3 .* names the signing key",
        ),
        (_damaged(0, b'"position":4', b'"position":3'), "line 1 .* did not sign what it says"),
        (LEDGER.file + b"garbage\n", "line 3 .* it is not JSON"),
        (LEDGER.file[:-40], "line 2 .* it is not JSON"),
        (b"\n" + LEDGER.file, "line 1 .* it is not JSON"),
    ],
)
async def test_file_at_fault(database: str, file: bytes, said: str) -> None:
    """A line that is forged, of an unknown key or damaged is named, and its other lines count."""
    async with dba_of(database, ROWS) as dba:
        evidence = Evidence(public_keys=PUBLIC_KEYS, checkpoints_file=file)
        verification = await verified(database, evidence)
        assert found_in(verification) == [("checkpoints-file", None)]
        (finding,) = verification.findings
        assert re.search(said, finding.detail)
        await edit(dba)
    assert found_in(await verified(database, evidence)) == [("checkpoints-file", None), ("altered", 6)]


@pytest.mark.parametrize("microsecond", [0, 1, 10, 123_456, 999_999])
@pytest.mark.parametrize("year", [1970, 2026, 9999])
async def test_as_appended(database: str, year: int, microsecond: int) -> None:
    """What the ledger itself appended is whole, whatever its times, texts and traces."""
    at = datetime(year, 2, 28, 23, 59, 59, microsecond, tzinfo=UTC)
    hard = AccountCreated(account_id=CREATED.account_id, name='\\"\u2028\x7f\U0001f9b7 ü')
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with open_ledger(database) as ledger:
        written = [draft(hard, traceparent=trace), draft(ENABLED)]
        await ledger.append(written, {written[0].stream: 0}, at)
        head = await ledger.head()
    verification = await verified(database)
    assert (verification.findings, verification.head_hash) == ((), head.hash)
    async with open_scan(database) as scan:
        (page,) = [page async for page in scan.pages()]
        head_row = await scan.head()
        assert head_row is not None
        assert head_row.recorded_at == page[-1][0][10] == format_time(at)


async def test_several_pages(database: str) -> None:
    """A ledger of many pages is proven to its end, and progress is told."""
    told: list[tuple[int, int]] = []
    rows = history(2500).rows
    async with dba_of(database, rows) as dba:
        verification = await verify(database, NO_FILE, lambda proven, of: told.append((proven, of)))
        assert (verification.events, found_in(verification)) == (2500, [])
        assert told == [(1000, 2500), (2000, 2500), (2500, 2500)]
        await dba.run("update ledger.events set request_id = '' where position = 2001")
    assert found_in(await verified(database)) == [("altered", 2001)]
