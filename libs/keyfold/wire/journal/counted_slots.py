"""The file of counted requests: a slot for each event that is counting yet, as its writer's death leaves it.

A slot is the number of requests so far, 8 bytes, and a journal line of the event, as of one request and with
the number 0. Where no request is counted there is no event, whatever the line says.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from keyfold.domain.access.event import AccessEvent
from keyfold.wire.access.codec import MalformedAccessEvent, decode_access_event, encode_access_event
from keyfold.wire.journal.line import TornLine, journal_line, read_journal_line

SLOT_BYTES: Final = 1024
SLOTS_MAX: Final = 1024
"""How many there may be: as many events may be in one write of the journal."""

_COUNT_BYTES: Final = 8


class DamagedSlot(NamedTuple):
    """A slot that counts requests of an event that cannot be read."""

    slot: int
    requests: int


def empty_slot(event: AccessEvent) -> bytes | None:
    """Return a slot that counts no request of the event yet, or None where the event does not fit in."""
    line = journal_line(encode_access_event(event))
    if len(line) > SLOT_BYTES - _COUNT_BYTES:
        return None
    return (bytes(_COUNT_BYTES) + line).ljust(SLOT_BYTES, b"\x00")


def count_bytes(requests: int) -> bytes:
    """Return the beginning of a slot that counts so many requests."""
    return requests.to_bytes(_COUNT_BYTES, "little")


def read_slots(content: bytes) -> Iterator[AccessEvent | DamagedSlot]:
    """Yield the events that were counting, each with its requests, in the order of their slots."""
    for start in range(0, len(content), SLOT_BYTES):
        slot = content[start : start + SLOT_BYTES]
        if requests := int.from_bytes(slot[:_COUNT_BYTES], "little"):
            yield _event(start // SLOT_BYTES, slot[_COUNT_BYTES:], requests)


def _event(slot: int, text: bytes, requests: int) -> AccessEvent | DamagedSlot:
    try:
        event = decode_access_event(read_journal_line(text.partition(b"\n")[0]))
    except (TornLine, MalformedAccessEvent):
        return DamagedSlot(slot, requests)
    return replace(event, requests=requests)
