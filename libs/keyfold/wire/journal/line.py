"""One line of the journal: a checksum, a space, an access event's JSON, a newline."""

from typing import Final
from zlib import crc32

_FRAME_BYTES: Final = 9


class TornLine(Exception):
    """A journal line is incomplete, cut by a crash, or damaged; the lines before it are good."""


def journal_line(event_json: bytes) -> bytes:
    """Return the line of an event's JSON: 8 hexadecimal digits of CRC-32 first, to detect a torn line."""
    return b"%08x %b\n" % (crc32(event_json), event_json)


def read_journal_line(line: bytes) -> bytes:
    """Return the JSON of a line, with or without its newline. Raises TornLine."""
    event_json = line[_FRAME_BYTES:].removesuffix(b"\n")
    # Empty text has the checksum 00000000, so a line cut after such a checksum could pass as complete.
    if not event_json or line[:_FRAME_BYTES] != b"%08x " % crc32(event_json):
        raise TornLine(f"{len(line)} bytes do not carry their own checksum")
    return event_json
