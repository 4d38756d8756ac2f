"""A line of the journal: whole, or known to be torn."""

import pytest

from keyfold.wire.access.codec import encode_access_event
from keyfold.wire.journal.line import TornLine, journal_line, read_journal_line
from tests.support.wire.given import DENIED

JSON = encode_access_event(DENIED)
LINE = journal_line(JSON)


def test_a_line_is_a_checksum_a_space_the_json_and_a_newline() -> None:
    """The checksum is CRC-32 in 8 hexadecimal digits, small ones, with its zeros."""
    assert journal_line(b"123456789") == b"cbf43926 123456789\n"
    assert journal_line(b'{"n":8}') == b'05898037 {"n":8}\n'
    assert LINE.count(b"\n") == 1


def test_a_line_reads_back_with_or_without_its_newline() -> None:
    """A reader that splits at newlines and one that keeps them read the same."""
    assert read_journal_line(LINE) == JSON
    assert read_journal_line(LINE[:-1]) == JSON


def test_every_torn_prefix_is_found() -> None:
    """A line cut anywhere before its last character is not taken for whole."""
    for end in range(len(LINE) - 1):
        with pytest.raises(TornLine):
            read_journal_line(LINE[:end])


def test_every_torn_start_is_found() -> None:
    """Nor is the rest of a line whose start is missing."""
    for start in range(1, len(LINE)):
        with pytest.raises(TornLine):
            read_journal_line(LINE[start:])


def test_every_damaged_byte_is_found() -> None:
    """A byte that became any other is found, wherever it stands."""
    for index in range(len(LINE)):
        for flip in range(1, 256):
            damaged = LINE[:index] + bytes([LINE[index] ^ flip]) + LINE[index + 1 :]
            with pytest.raises(TornLine, match=f"{len(LINE)} bytes"):
                read_journal_line(damaged)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b" ",
        b"00000000",
        b"00000000\n",
        b"00000000 ",
        b"00000000 \n",
        bytes(9),
        bytes(4096),
        LINE + b"\n",
        LINE + LINE,
        LINE[:-1] + b"\r\n",
        LINE[:8] + LINE[9:],
        b"CBF43926 123456789\n",
        b"0" + LINE,
    ],
)
def test_what_is_no_line_is_torn(line: bytes) -> None:
    """Emptiness with the checksum of nothing, zeros of a file that grew, lines run together."""
    with pytest.raises(TornLine):
        read_journal_line(line)
