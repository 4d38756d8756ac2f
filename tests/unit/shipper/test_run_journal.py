"""One run's journal, from its first record to its removal."""

from __future__ import annotations

from pathlib import Path

import pytest

from keyfold.shipper.run_journal import RunJournal, Shipment
from keyfold.wire.access.codec import decode_access_event
from keyfold.wire.journal.files import CHECKPOINT
from tests.support.shipper.journals import Writer

BYTES_MAX = 128 * 1024


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    """A gatekeeper that has just started."""
    return Writer(tmp_path)


def seqs(shipment: Shipment) -> list[int]:
    """Return the numbers of the events."""
    return [decode_access_event(record.value or b"").seq for record in shipment.records]


def ship(journal: RunJournal) -> list[int]:
    """Acknowledge shipments until nothing more comes."""
    found: list[int] = []
    while numbers := seqs(shipment := journal.read(BYTES_MAX)):
        found += numbers
        journal.acknowledge(shipment)
        if shipment.is_last:
            break
    return found


def test_what_is_not_acknowledged_comes_again(writer: Writer) -> None:
    """A shipment is repeated until it is acknowledged, with what was written since."""
    writer.write(2)
    journal = RunJournal(writer.path)
    assert seqs(journal.read(BYTES_MAX)) == [1, 2]
    writer.write(1)
    assert ship(journal) == [1, 2, 3]
    assert seqs(journal.read(BYTES_MAX)) == []


def test_what_follows_is_read_before_the_broker_has_what_there_is(writer: Writer) -> None:
    """After a shipment come the same records, damage and numbers, whether or not it is acknowledged yet."""
    for count, raw in ((400, b"0badc0de {}\n"), (300, b""), (1, b"torn")):
        writer.write(count)
        writer.write_raw(raw)
        writer.rotate()
    ahead, patient = RunJournal(writer.path), RunJournal(writer.path)
    shipment, acknowledged = ahead.read(BYTES_MAX), patient.read(BYTES_MAX)
    read: list[int] = []
    while shipment.records:
        assert shipment == acknowledged
        read += seqs(shipment)
        shipment = ahead.read(BYTES_MAX, after=shipment)
        patient.acknowledge(acknowledged)
        acknowledged = patient.read(BYTES_MAX)
    assert read == list(range(1, 702))
    assert shipment == acknowledged


def test_a_restart_goes_on_where_the_broker_acknowledged(writer: Writer) -> None:
    """A new shipper starts after the last acknowledged record."""
    writer.write(2)
    assert ship(RunJournal(writer.path)) == [1, 2]
    writer.write(2)
    assert ship(RunJournal(writer.path)) == [3, 4]


@pytest.mark.parametrize("document", [b"", b"{", b"[]", b'{"first_seq": -1, "offset": 0}'])
def test_an_unreadable_checkpoint_ships_everything_again(writer: Writer, document: bytes) -> None:
    """If it is unknown what has arrived, everything is sent again, because consumers drop repeats."""
    writer.write(2)
    ship(RunJournal(writer.path))
    (writer.path / CHECKPOINT).write_bytes(document)
    assert ship(RunJournal(writer.path)) == [1, 2]


def test_segments_go_when_a_later_one_is_acknowledged(writer: Writer) -> None:
    """Every segment is read in turn, and deleted once it is not needed; the live one stays."""
    journal = RunJournal(writer.path)
    for _ in range(3):
        writer.write(2)
        writer.rotate()
    writer.write(1)
    assert ship(journal) == [1, 2, 3, 4, 5, 6, 7]
    assert [each.name for each in writer.path.glob("*.journal")] == ["00000000000000000007.journal"]


def test_a_live_run_stays_though_all_is_acknowledged(writer: Writer) -> None:
    """The directory of a living gatekeeper is never deleted."""
    writer.write(1)
    ship(RunJournal(writer.path))
    assert writer.path.exists()


def test_a_finished_run_goes_when_all_is_acknowledged(writer: Writer) -> None:
    """Once the writer is dead and the broker has everything, nothing of the run remains."""
    writer.write(2)
    writer.die()
    journal = RunJournal(writer.path)
    assert writer.path.exists()
    assert ship(journal) == [1, 2]
    assert not writer.path.exists()


def test_what_was_written_before_a_death_is_shipped(writer: Writer) -> None:
    """Records that were not read when the writer died are shipped before the run is deleted."""
    writer.write(1)
    journal = RunJournal(writer.path)
    ship(journal)
    writer.write(2)
    writer.die()
    assert ship(journal) == [2, 3]
    assert not writer.path.exists()


def test_a_run_that_wrote_nothing_goes(writer: Writer) -> None:
    """A dead run with an empty segment is deleted."""
    writer.die()
    journal = RunJournal(writer.path)
    journal.acknowledge(journal.read(BYTES_MAX))
    assert not writer.path.exists()


def test_a_removal_that_was_interrupted_is_ended(writer: Writer) -> None:
    """A directory that has already lost its lock and segments is deleted."""
    writer.die()
    for each in writer.path.iterdir():
        each.unlink()
    journal = RunJournal(writer.path)
    journal.acknowledge(journal.read(BYTES_MAX))
    assert not writer.path.exists()


def test_unshipped_bytes_shrink_with_each_acknowledgement(writer: Writer) -> None:
    """The backlog is what the journal holds after the last acknowledged record."""
    writer.write(3)
    journal = RunJournal(writer.path)
    assert journal.unshipped_bytes() == (writer.path / "00000000000000000001.journal").stat().st_size
    ship(journal)
    assert journal.unshipped_bytes() == 0
