"""Checkpoints by themselves: every day has one, and the file has each of them once, whatever befalls it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from keyfold.domain.lifecycle.signatures.signed_head import LedgerCheckpointed
from keyfold.registry.commands.execution import Commands
from keyfold.registry.ledger.heads_file import CheckpointFile
from keyfold.registry.ledger.heads_filing import CheckpointFiling
from keyfold.registry.ledger.signing import DailyCheckpoints, is_due
from keyfold.store.ledger.signed_heads import Checkpoints, RecordedCheckpoint
from keyfold.wire.events.chain import Head
from tests.support.ledger_builder import LedgerBuilder, account_created
from tests.support.registry.office import AT, LedgerClock, Office, office_of
from tests.support.seals import ledger_on
from tests.support.store.tampering import dba_of
from tests.support.wire.signed_heads import KEY, event_of, sign_claim


async def test_caught_up(office: Office, database: str, tmp_path: Path) -> None:
    """What another registry took is caught up, each once, however many catch up at the same time."""
    await office.registry.account()
    async with office_of(database, tmp_path / "other.ndjson") as other:
        for _ in range(3):
            await other.take()
    assert not office.file.exists()
    again = CheckpointFiling(Checkpoints(office.pool), CheckpointFile(office.file))
    await asyncio.gather(*(each.catch_up() for each in (office.filing, again) * 4))
    assert office.filed() == [1, 2, 3]
    assert office.file.read_bytes() == (tmp_path / "other.ndjson").read_bytes()


async def test_many_missing(office: Office, database: str) -> None:
    """However many are missing in the file, all are caught up in their order, and then only what is new."""
    builder = LedgerBuilder([account_created(1)])
    for _ in range(230):
        builder.add(event_of(sign_claim(builder.head)))
    async with dba_of(database, builder.rows):
        await office.filing.catch_up()
    assert office.filed() == list(range(1, 231))
    assert await office.take() == 231
    assert office.filed() == list(range(1, 232))


@pytest.mark.parametrize("left", [1, 100, 250])
async def test_torn_line(office: Office, left: int) -> None:
    """A line that a crash tore off is completed: nothing that was written is ever taken back."""
    await office.registry.account()
    for _ in range(2):
        await office.take()
    whole = office.file.read_bytes()
    office.file.write_bytes(torn := whole[: whole.index(b"\n") + 1 + left])
    await office.take()
    grown = office.file.read_bytes()
    assert office.filed() == [1, 2, 3]
    assert grown.startswith(torn)
    assert grown.startswith(whole)


@pytest.mark.parametrize("behind", [b"garbage\n", b"garbage", b'{"position":7}\n'])
async def test_file_of_somebody_else(office: Office, behind: bytes) -> None:
    """To a file that does not end as ours nothing is appended; the log says so, and the checkpoint stands."""
    await office.registry.account()
    await office.take()
    office.file.write_bytes(office.file.read_bytes() + behind)
    before = office.file.read_bytes()
    with capture_logs() as logs:
        await office.take()
    assert [each["event"] for each in logs if each["log_level"] == "error"] == ["checkpoints_not_filed"]
    assert office.file.read_bytes() == before
    office.file.write_bytes(before.removesuffix(behind))
    await office.filing.catch_up()
    assert office.filed() == [1, 2]


async def test_file_that_cannot_be_written(database: str, tmp_path: Path) -> None:
    """A checkpoint is taken though its file cannot be written; the log says why."""
    async with office_of(database, tmp_path / "missing" / "checkpoints.ndjson") as office:
        await office.registry.account()
        with capture_logs() as logs:
            await office.take()
    assert [each["event"] for each in logs if each["log_level"] == "error"] == ["checkpoints_not_filed"]


async def test_ledger_cut_off(office: Office, database: str) -> None:
    """A file whose last checkpoint is gone from the ledger is left as it is, and the log raises the alarm."""
    await office.registry.account()
    await office.take()
    async with dba_of(database) as dba:
        await dba.run("delete from ledger.events where position > 1")
        await dba.move_head()
    with capture_logs() as logs:
        await office.filing.catch_up()
    assert [each["event"] for each in logs] == ["checkpoint_gone_from_ledger"]
    assert office.filed() == [1]


def recorded(*, position: int, at: datetime) -> RecordedCheckpoint:
    """Return a checkpoint whose own place is right behind what it vouches for."""
    event = LedgerCheckpointed(
        position=position, head_hash=bytes(32), at=at, signing_key_id="key", signature=bytes(64)
    )
    return RecordedCheckpoint(recorded_position=position + 1, version=1, event=event)


@pytest.mark.parametrize(
    ("last", "head", "age", "due"),
    [
        (None, 0, timedelta(0), False),
        (None, 1, timedelta(0), True),
        (10, 12, timedelta(hours=24), True),
        (10, 12, timedelta(hours=24) - timedelta(microseconds=1), False),
        (10, 11, timedelta(days=400), False),
        (10, 12, timedelta(hours=-1), False),
    ],
)
def test_due(last: int | None, head: int, age: timedelta, due: bool) -> None:
    """One is due a day after the last, if the ledger has grown by more than that; the first at once."""
    before = None if last is None else recorded(position=last, at=AT - age)
    assert is_due(before, Head(position=head, hash=bytes(32)), AT) is due


async def test_daily(office: Office) -> None:
    """Every day in which something happened ends up with one checkpoint, and a day without has none."""
    clock = LedgerClock(AT)
    ledger = ledger_on(office.pool)
    daily = DailyCheckpoints(
        ledger=ledger,
        commands=Commands(ledger, clock),
        checkpoints=Checkpoints(office.pool),
        key=KEY,
        filing=office.filing,
        clock=clock,
    )
    await daily.take_if_due()
    await office.registry.account()
    for expected in ([1], [1]):
        await daily.take_if_due()
        assert office.filed() == expected
    clock.at = AT + timedelta(days=1)
    await daily.take_if_due()
    assert office.filed() == [1]
    await office.registry.account()
    for _ in range(2):
        await daily.take_if_due()
    assert office.filed() == [1, 3]
    rows = await ledger.rows_after(1, 1)
    assert (rows[0][0].actor_role, rows[0][0].actor_subject) == ("keyfold", "checkpoints")
