"""Reading parts of a journal segment."""

from __future__ import annotations

from pathlib import Path

import pytest

from keyfold.shipper.chunk import Chunk, Damage, read_chunk
from keyfold.wire.access.codec import decode_access_event
from keyfold.wire.journal.line import journal_line
from keyfold.wire.record import Record
from tests.support.access_events import access_event, journal_lines

BYTES_MAX = 128 * 1024


def chunk_of(
    path: Path, data: bytes, *, offset: int = 0, is_final: bool = False, bytes_max: int = BYTES_MAX
) -> Chunk:
    """Read from a segment that holds these bytes."""
    path.write_bytes(data)
    return read_chunk(path, offset, bytes_max, is_final=is_final)


def seqs(records: tuple[Record, ...]) -> list[int]:
    """Return the numbers of the events."""
    return [decode_access_event(record.value or b"").seq for record in records]


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    """Where a segment may be."""
    return tmp_path / "segment"


def test_whole_lines_become_records_in_order(segment: Path) -> None:
    """Each whole line is a record, and reading goes on after the last one."""
    data = journal_lines(*(access_event(number) for number in range(1, 4)))
    chunk = chunk_of(segment, data)
    assert (seqs(chunk.records), chunk.next_offset, chunk.at_end) == ([1, 2, 3], len(data), True)


def test_an_unfinished_line_of_a_live_writer_waits(segment: Path) -> None:
    """What follows the last newline is not read before it is whole."""
    whole, begun = journal_lines(access_event(1)), journal_lines(access_event(2))[:20]
    chunk = chunk_of(segment, whole + begun)
    assert (seqs(chunk.records), chunk.damages, chunk.next_offset) == ([1], (), len(whole))


def test_a_torn_tail_of_a_dead_writer_is_damage(segment: Path) -> None:
    """A last line that will never be whole is reported with its range; everything before it is read."""
    whole, torn = journal_lines(access_event(1)), journal_lines(access_event(2))[:20]
    chunk = chunk_of(segment, whole + torn, is_final=True)
    assert seqs(chunk.records) == [1]
    assert chunk.damages == (Damage(start=len(whole), end=len(whole) + 20, why="the last line is not whole"),)
    assert chunk.next_offset == len(whole) + 20


def test_a_last_line_without_only_its_newline_is_torn_too(segment: Path) -> None:
    """A line is whole when its newline is there: the writer answered nobody before that."""
    line = journal_lines(access_event(1))
    assert chunk_of(segment, line[:-1], is_final=True).records == ()


def test_corrupt_lines_in_the_middle_are_one_range(segment: Path) -> None:
    """Adjacent damaged lines are one range; the lines around them are shipped."""
    lines = [bytearray(journal_lines(access_event(number))) for number in range(1, 5)]
    lines[1][30] ^= 1
    lines[2][40] ^= 1
    chunk = chunk_of(segment, b"".join(lines))
    start, end = len(lines[0]), len(lines[0]) + len(lines[1]) + len(lines[2])
    assert seqs(chunk.records) == [1, 4]
    assert [(each.start, each.end) for each in chunk.damages] == [(start, end)]


def test_a_line_that_is_no_access_event_is_damage(segment: Path) -> None:
    """A line with the right checksum and unreadable content is set aside too."""
    strange = journal_line(b'{"event_id": 7}')
    chunk = chunk_of(segment, strange + journal_lines(access_event(1)))
    assert seqs(chunk.records) == [1]
    assert chunk.damages == (Damage(start=0, end=len(strange), why="a line is no access event"),)


def test_a_line_cut_by_the_end_of_the_portion_is_read_next_time(segment: Path) -> None:
    """If a shipment would end within a line, the next one starts with that line, also in a dead journal."""
    data = journal_lines(access_event(1), access_event(2))
    first = chunk_of(segment, data, bytes_max=len(data) - 1, is_final=True)
    second = read_chunk(segment, first.next_offset, BYTES_MAX, is_final=True)
    assert (seqs(first.records), first.damages, first.at_end) == ([1], (), False)
    assert seqs(second.records) == [2]


def test_a_line_longer_than_any_ends_nothing(segment: Path) -> None:
    """Bytes without a newline that fill a whole shipment are damage, and reading goes on after them."""
    data = b"x" * 1000 + b"\n" + journal_lines(access_event(1))
    first = chunk_of(segment, data, bytes_max=900)
    second = read_chunk(segment, first.next_offset, BYTES_MAX, is_final=False)
    assert [(each.start, each.end) for each in (*first.damages, *second.damages)] == [(0, 900), (900, 1001)]
    assert seqs(second.records) == [1]
