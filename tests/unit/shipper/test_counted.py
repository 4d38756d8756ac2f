"""A dead run's counts are shipped after the last record of its journal, the same each time."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from keyfold.domain.access.decision import Reason
from keyfold.shipper.run_journal import RunJournal
from keyfold.wire.access.codec import decode_access_event
from keyfold.wire.journal.counted_slots import SLOT_BYTES, SLOTS_MAX, count_bytes, empty_slot, read_slots
from keyfold.wire.journal.files import COUNTED
from tests.support.access_events import journal_lines
from tests.support.shipper.journals import Writer, counting, slot

BYTES_MAX = 128 * 1024


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    """A gatekeeper that has just started."""
    return Writer(tmp_path)


def ship(journal: RunJournal) -> list[tuple[int, int]]:
    """Acknowledge everything; return the number of each event and how many requests it stands for."""
    found: list[tuple[int, int]] = []
    while True:
        shipment = journal.read(BYTES_MAX)
        events = [decode_access_event(record.value or b"") for record in shipment.records]
        found += [(event.seq, event.requests) for event in events]
        journal.acknowledge(shipment)
        if shipment.is_last or not events:
            return found


def test_counts_follow_the_journal(writer: Writer) -> None:
    """Counts get the next numbers, in the order of their slots, also if the journal was shipped long ago."""
    writer.write(2)
    (writer.path / COUNTED).write_bytes(slot(91, 7) + slot(92, 0) + slot(93, 5))
    journal = RunJournal(writer.path)
    assert ship(journal) == [(1, 1), (2, 1)]
    writer.die()
    assert ship(journal) == [(3, 7), (4, 5)]
    assert not writer.path.exists()


def test_a_run_that_did_nothing_but_count(writer: Writer) -> None:
    """Without a journalled record, numbers begin at 1; after an empty segment, at the number in its name."""
    (writer.path / COUNTED).write_bytes(slot(91, 7))
    writer.die()
    assert ship(RunJournal(writer.path)) == [(1, 7)]


def test_behind_an_empty_segment(writer: Writer) -> None:
    """An empty segment's name holds the next number."""
    writer.write(3)
    writer.rotate()
    (writer.path / COUNTED).write_bytes(slot(91, 7))
    writer.die()
    assert ship(RunJournal(writer.path)) == [(1, 1), (2, 1), (3, 1), (4, 7)]


def test_what_is_journalled_is_not_shipped_twice(writer: Writer) -> None:
    """A count at the journal's end is not shipped from its slot too: the run died before freeing the slot."""
    writer.write(2)
    writer.write_raw(journal_lines(replace(counting(91), seq=3, requests=7, gatekeeper="gatekeeper-1")))
    (writer.path / COUNTED).write_bytes(slot(91, 7) + slot(93, 5))
    writer.die()
    assert ship(RunJournal(writer.path)) == [(1, 1), (2, 1), (3, 7), (4, 5)]


@pytest.mark.parametrize("cut", [1, 40])
def test_a_line_that_is_not_whole_is_no_record(writer: Writer, cut: int) -> None:
    """A run killed while journalling a count is shipped with that count, under its number."""
    writer.write(2)
    line = journal_lines(replace(counting(91), seq=3, requests=7))
    writer.write_raw(line[:-cut])
    (writer.path / COUNTED).write_bytes(slot(91, 7))
    writer.die()
    assert ship(RunJournal(writer.path)) == [(1, 1), (2, 1), (3, 7)]


def test_a_damaged_record_keeps_its_number(writer: Writer) -> None:
    """A record that the disk lost at the journal's end keeps its number and stays missing."""
    writer.write(2)
    writer.write_raw(b"damaged\n")
    (writer.path / COUNTED).write_bytes(slot(91, 7))
    writer.die()
    assert ship(RunJournal(writer.path)) == [(1, 1), (2, 1), (4, 7)]


def test_a_damaged_slot_is_told(writer: Writer) -> None:
    """An unreadable slot is logged with the requests it stood for; the others are shipped."""
    damaged = slot(91, 7).replace(b"malformed_key", b"malformed_kee")
    (writer.path / COUNTED).write_bytes(damaged + slot(93, 5))
    writer.die()
    with capture_logs() as logs:
        assert ship(RunJournal(writer.path)) == [(1, 5)]
    (told,) = [each for each in logs if each["event"] == "count_damaged"]
    assert (told["slot"], told["requests"], told["log_level"]) == (0, 7, "error")


def test_a_shipper_that_dies_ships_the_same_again(writer: Writer) -> None:
    """Until they are acknowledged, counts are repeated to the byte, also by another shipper."""
    writer.write(1)
    (writer.path / COUNTED).write_bytes(slot(91, 7))
    writer.die()
    first, second = (RunJournal(writer.path).read(BYTES_MAX) for _ in range(2))
    assert first == second
    assert len(first.records) == 2


def test_a_removal_that_was_interrupted_ships_no_count(writer: Writer, tmp_path: Path) -> None:
    """Once everything is acknowledged the counts go first: without the journal they would have no numbers."""
    writer.write(1)
    (writer.path / COUNTED).write_bytes(slot(91, 7))
    writer.die()
    link = tmp_path / "link"
    link.symlink_to(writer.path)
    journal = RunJournal(link)
    shipment = journal.read(BYTES_MAX)
    with pytest.raises(OSError, match="link"):  # is not removed as a directory
        journal.acknowledge(shipment)
    assert ship(RunJournal(writer.path)) == [(1, 1)]


def test_the_end_of_a_long_journal_is_enough(writer: Writer) -> None:
    """All counts, as many as there are slots, are found at the end of a journal of any length."""
    writer.write(4000)
    counts = [counting(10_000 + number) for number in range(SLOTS_MAX)]
    lines = (replace(event, seq=4001 + number) for number, event in enumerate(counts))
    writer.write_raw(journal_lines(*lines))
    (writer.path / COUNTED).write_bytes(b"".join(slot(10_000 + number, 1) for number in range(SLOTS_MAX)))
    writer.die()
    numbers = [seq for seq, _ in ship(RunJournal(writer.path))]
    assert numbers == list(range(1, 4001 + SLOTS_MAX))


def test_a_slot_holds_any_event_that_counts() -> None:
    """The longest allowed values of an event fit into a slot; longer ones are refused."""
    longest = replace(
        counting(1),
        reason=max(Reason, key=len),
        position=2**63 - 2,
        gateway="g" * 64,
        client_ip="2001:db8:ffff:ffff:ffff:ffff:ffff:0/48",
        gatekeeper="r" * 128,
    )
    content = empty_slot(longest)
    assert content is not None
    assert len(content) == SLOT_BYTES
    assert list(read_slots(count_bytes(3) + content[8:])) == [replace(longest, requests=3)]
    assert empty_slot(replace(longest, gateway="g" * SLOT_BYTES)) is None
