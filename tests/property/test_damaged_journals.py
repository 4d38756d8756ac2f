"""What a power cut leaves of a journal: all that is good is shipped, and the rest is told to the byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyfold.shipper.chunk import Chunk, read_chunk
from keyfold.wire.journal.line import journal_line
from tests.support.access_events import access_event, journal_lines

LINES: Final = [journal_lines(access_event(number)) for number in range(1, 13)]
WHOLE: Final = b"".join(LINES)
LONGEST_BYTES: Final = max(map(len, LINES))

Harm = Callable[[bytes], bytes]


def cut(place: int) -> Harm:
    """The file ends earlier."""
    return lambda data: data[: place % (len(data) + 1)]


def zeroed(place: int) -> Harm:
    """Its length reached the disk and its content did not."""
    return lambda data: data[: place % (len(data) + 1)].ljust(len(data), b"\0")


def hole(place: int, size: int) -> Harm:
    """A stretch in the middle did not reach the disk."""

    def harm(data: bytes) -> bytes:
        start = place % (len(data) + 1)
        end = min(start + size, len(data))
        return data[:start] + bytes(end - start) + data[end:]

    return harm


def flipped(place: int, bit: int) -> Harm:
    """One bit is another."""

    def harm(data: bytes) -> bytes:
        if not data:
            return data
        at = place % len(data)
        return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]

    return harm


def noise(place: int, what: bytes) -> Harm:
    """Something else stands there, that may even be lines."""
    return lambda data: data[: place % (len(data) + 1)] + what


# Anywhere, and often just where a line begins.
PLACES: Final = st.integers(0, len(WHOLE)) | st.sampled_from(list(accumulate(map(len, LINES))))
HARMS: Final = st.one_of(
    st.builds(cut, PLACES),
    st.builds(zeroed, PLACES),
    st.builds(hole, PLACES, st.integers(1, 2 * LONGEST_BYTES)),
    st.builds(flipped, PLACES, st.integers(0, 7)),
    st.builds(noise, PLACES, st.binary(max_size=64) | st.just(journal_line(b"{}"))),
)


@given(harms=st.lists(HARMS, max_size=4), bytes_max=st.integers(LONGEST_BYTES + 1, 2 * len(WHOLE)))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_good_part_is_shipped_and_the_rest_is_told(
    tmp_path: Path, harms: list[Harm], bytes_max: int
) -> None:
    """Whatever befell a file: each line that is as it was written is a record, and all else is in a range."""
    data = WHOLE
    for harm in harms:
        data = harm(data)
    segment = tmp_path / "segment"
    segment.write_bytes(data)
    chunks = list(chunks_of(segment, bytes_max))
    records = [record.value for chunk in chunks for record in chunk.records]
    ranges = [(each.start, each.end) for chunk in chunks for each in chunk.damages]
    good = list(good_lines(data))
    assert records == [data[start:end].removesuffix(b"\n").split(b" ", 1)[1] for start, end in good]
    assert sorted([*good, *ranges]) == list(joined(good, ranges))
    assert sum(end - start for start, end in (*good, *ranges)) == len(data)


def chunks_of(segment: Path, bytes_max: int) -> Iterator[Chunk]:
    """Read a dead run's file to its end."""
    offset, at_end = 0, False
    while not at_end:
        chunk = read_chunk(segment, offset, bytes_max, is_final=True)
        yield chunk
        offset, at_end = chunk.next_offset, chunk.at_end


def good_lines(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where lines stand that are as they were written."""
    start = 0
    for line in data.split(b"\n")[:-1]:
        end = start + len(line) + 1
        if data[start:end] in LINES:
            yield start, end
        start = end


def joined(good: list[tuple[int, int]], ranges: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield all of them in order; fails where one begins anywhere but where the one before ended."""
    place = 0
    for start, end in sorted([*good, *ranges]):
        assert start == place
        yield start, end
        place = end


@pytest.mark.parametrize("size", [1, 4096, 300_000])
def test_a_tail_of_zeros_is_one_range_a_portion(tmp_path: Path, size: int) -> None:
    """As ext4 leaves it: nothing before it suffers, and none of it is taken for a line."""
    segment = tmp_path / "segment"
    segment.write_bytes(WHOLE + bytes(size))
    chunks = list(chunks_of(segment, 128 * 1024))
    assert sum(len(chunk.records) for chunk in chunks) == len(LINES)
    assert next(each.start for chunk in chunks for each in chunk.damages) == len(WHOLE)
    assert chunks[-1].damages[-1].end == len(WHOLE) + size
