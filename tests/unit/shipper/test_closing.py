"""The record of a run's end: its last number, and whether that is certain."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from keyfold.domain.access.gatekeeper_run import ClosedRun
from keyfold.runtime.boot import boot_id
from keyfold.shipper.run_journal import RunJournal
from keyfold.wire.access.closed_run import decode_closed_run
from keyfold.wire.journal.files import CHECKPOINT, WRITER_LOCK, segment_name
from keyfold.wire.record import Record
from tests.support.shipper.journals import Writer

BYTES_MAX = 128 * 1024

AT = datetime(2026, 3, 15, 12, 0, 0, 250, tzinfo=UTC)
EARLIER = AT - timedelta(hours=1)


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    """A gatekeeper that has just started."""
    return Writer(tmp_path)


def closings(journal: RunJournal) -> list[Record]:
    """Acknowledge all shipments but the last, and return the closing records to be sent after that one."""
    shipment = journal.read(BYTES_MAX)
    while (shipment.records or shipment.damages) and not shipment.is_last:
        assert journal.closing_records(shipment) == ()
        journal.acknowledge(shipment)
        shipment = journal.read(BYTES_MAX)
    return list(journal.closing_records(shipment))


def close_run(path: Path) -> ClosedRun:
    """Return the one record of a run's end."""
    [record] = closings(RunJournal(path))
    return decode_closed_run(record.value or b"")


def last(path: Path) -> tuple[int, bool]:
    """Return the last number, and whether it is certain."""
    run = close_run(path)
    return run.last_seq, run.is_exact


def test_a_dead_run_is_closed_with_its_last_number(writer: Writer) -> None:
    """A killed gatekeeper had written everything down: the number of its last record is certain."""
    writer.write(3)
    writer.rotate()
    writer.write(2)
    writer.die()
    for name, at in (("lock", EARLIER), (segment_name(1), EARLIER), (segment_name(4), AT)):
        os.utime(writer.path / name, (at.timestamp(), at.timestamp()))
    assert close_run(writer.path) == ClosedRun(gatekeeper="gatekeeper-1", last_seq=5, is_exact=True, at=AT)


def test_a_repeat_is_the_same_to_the_byte(writer: Writer) -> None:
    """Another shipper, or the same one after a crash, sends the same record."""
    writer.write(3)
    writer.die()
    assert closings(RunJournal(writer.path)) == closings(RunJournal(writer.path)) != []


def test_a_live_run_is_not_closed(writer: Writer) -> None:
    """As long as the writer lives, more records may come."""
    writer.write(3)
    assert closings(RunJournal(writer.path)) == []


def test_the_last_number_outlives_the_shipper(writer: Writer) -> None:
    """Numbers acknowledged before a restart count, also if nothing followed them."""
    writer.write(3)
    journal = RunJournal(writer.path)
    journal.acknowledge(journal.read(BYTES_MAX))
    writer.die()
    assert last(writer.path) == (3, True)
    [record] = closings(journal)
    assert decode_closed_run(record.value or b"").last_seq == 3


def test_an_empty_newest_file_names_the_last_number(writer: Writer) -> None:
    """A file named for a number shows that all numbers before it were written."""
    writer.write(3)
    writer.rotate()
    writer.die()
    assert last(writer.path) == (3, True)


def test_a_damaged_file_is_counted_by_the_next(writer: Writer) -> None:
    """If another file follows, the number of unreadable records is known."""
    writer.write(3)
    (writer.path / segment_name(1)).write_bytes(bytes(500))
    writer.rotate()
    writer.die()
    assert last(writer.path) == (3, True)


def test_a_run_that_wrote_nothing_is_closed_too(writer: Writer) -> None:
    """An empty run is closed too, so that nobody waits for its events."""
    writer.die()
    assert last(writer.path) == (0, True)


@pytest.mark.parametrize("tail", [b"0badc0de {}\n", b"0badc0de {", bytes(4096)])
def test_behind_a_damaged_tail_there_may_be_more(writer: Writer, tail: bytes) -> None:
    """The last readable number is reported as uncertain, also after a restart."""
    writer.write(3)
    writer.write_raw(tail)
    journal = RunJournal(writer.path)
    journal.acknowledge(journal.read(BYTES_MAX))
    writer.die()
    assert last(writer.path) == (3, False)


@pytest.mark.parametrize("is_acknowledged", [True, False])
def test_damage_in_the_middle_leaves_the_end_certain(writer: Writer, is_acknowledged: bool) -> None:
    """A readable record after damage has its own number."""
    writer.write(1)
    writer.write_raw(b"0badc0de {}\n")
    if is_acknowledged:
        journal = RunJournal(writer.path)
        journal.acknowledge(journal.read(BYTES_MAX))
    writer.write(2)
    writer.die()
    assert last(writer.path) == (3, True)


@pytest.mark.parametrize("word", [b"", b"another-boot", bytes(36), b"\xff"])
def test_what_a_machine_had_not_brought_to_the_disk_may_be_gone(writer: Writer, word: bytes) -> None:
    """After a restart of the machine, or an unknown one, the last number is uncertain."""
    writer.write(3)
    writer.die()
    assert (writer.path / WRITER_LOCK).read_text() == boot_id() != ""
    (writer.path / WRITER_LOCK).write_bytes(word)
    assert last(writer.path) == (3, False)


def test_a_checkpoint_of_the_version_before_is_taken_up(writer: Writer) -> None:
    """With an old offset file nothing is shipped twice, and no number in doubt becomes certain."""
    writer.write(3)
    writer.rotate()
    writer.write(2)
    whole = (writer.path / segment_name(4)).stat().st_size
    (writer.path / CHECKPOINT).write_bytes(orjson.dumps({"first_seq": 4, "offset": whole}))
    assert RunJournal(writer.path).read(BYTES_MAX).records == ()
    writer.die()
    assert last(writer.path) == (3, False)


def test_a_removal_that_was_interrupted_closes_nothing(writer: Writer) -> None:
    """Whatever an interrupted removal left, the run's end that was already sent stands."""
    writer.write(3)
    writer.die()
    journal = RunJournal(writer.path)
    (writer.path / WRITER_LOCK).unlink()
    assert closings(journal) == []


def test_the_lock_goes_first(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shipper that is killed while it removes a run leaves a run that is not closed again."""
    writer.write(3)
    writer.die()
    journal = RunJournal(writer.path)
    monkeypatch.setattr("shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        journal.acknowledge(journal.read(BYTES_MAX))
    assert closings(RunJournal(writer.path)) == []


def killed(path: Path) -> None:
    """Stand in for the process being killed at this moment."""
    raise KeyboardInterrupt(path)
