"""The file of counted requests: a slot for each event that still counts requests, readable after a crash.

A slot is the number of requests so far, in 8 bytes, and the event's journal line, written as for one request
and with the number 0. A slot that counts no request holds no event, whatever its line says.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from keyfold.domain.access.event import AccessEvent
from keyfold.wire.access.codec import MalformedAccessEvent, decode_access_event, encode_access_event
from keyfold.wire.journal.line import TornLine, journal_line, read_journal_line

SLOT_BYTES: Final = 1024
SLOTS_MAX: Final = 1024
"""The most slots: as many events may be in one write of the journal."""

_COUNT_BYTES: Final = 8


class DamagedSlot(NamedTuple):
    """A slot that counts requests, but whose event cannot be read."""

    slot: int
    requests: int


def empty_slot(event: AccessEvent) -> bytes | None:
    """Return a slot that counts no request of the event yet, or None if the event does not fit."""
    line = journal_line(encode_access_event(event))
    if len(line) > SLOT_BYTES - _COUNT_BYTES:
        return None
    return (bytes(_COUNT_BYTES) + line).ljust(SLOT_BYTES, b"\x00")


def count_bytes(requests: int) -> bytes:
    """Return the first bytes of a slot that counts this many requests."""
    return requests.to_bytes(_COUNT_BYTES, "little")


def read_slots(content: bytes) -> Iterator[AccessEvent | DamagedSlot]:
    """Yield the events that counted requests, each with their number, in the order of their slots."""
    for start in range(0, len(content), SLOT_BYTES):
        slot = content[start : start + SLOT_BYTES]
        if requests := int.from_bytes(slot[:_COUNT_BYTES], "little"):
            yield _read_event(start // SLOT_BYTES, slot[_COUNT_BYTES:], requests)


def _read_event(slot: int, text: bytes, requests: int) -> AccessEvent | DamagedSlot:
    try:
        event = decode_access_event(read_journal_line(text.partition(b"\n")[0]))
    except (TornLine, MalformedAccessEvent):
        return DamagedSlot(slot, requests)
    return replace(event, requests=requests)
