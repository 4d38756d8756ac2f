"""Journals as a gatekeeper leaves them, written by its own code."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.event import AccessEvent
from keyfold.gatekeeper.journal.directory import RunDirectory
from keyfold.gatekeeper.journal.segment import Segment
from keyfold.wire.journal.counted_slots import count_bytes, empty_slot
from tests.support.access_events import access_event, journal_lines


class Writer:
    """One run of a gatekeeper; `die` leaves everything as `kill -9` does."""

    def __init__(self, root: Path, run_id: str = "gatekeeper-1") -> None:
        self.directory = RunDirectory(root, run_id)
        self.path = self.directory.path
        self._seq = 0
        self._segment = Segment.create(self.path, 1)

    def write(self, count: int) -> None:
        """Journal the next events."""
        numbers = range(self._seq + 1, self._seq + count + 1)
        self._segment.append(b"".join(journal_lines(self._event(number)) for number in numbers))
        self._seq += count

    def _event(self, number: int) -> AccessEvent:
        return access_event(number, gatekeeper=self.directory.run_id)

    def rotate(self) -> None:
        """Begin the next segment."""
        self._segment.close()
        self._segment = Segment.create(self.path, self._seq + 1)

    def write_raw(self, data: bytes) -> None:
        """Put bytes into the segment that no gatekeeper would write."""
        self._segment.append(data)

    def die(self) -> None:
        """Release the lock and close the file."""
        self._segment.close()
        self.directory.close()


def counting(number: int) -> AccessEvent:
    """Return an event that counts requests, before it has its number."""
    event = access_event(number, key_id=None, account_id=None, reason=Reason.MALFORMED_KEY, path="/**")
    return replace(event, seq=0)


def slot(number: int, requests: int) -> bytes:
    """Return the slot of that event."""
    content = empty_slot(counting(number))
    assert content is not None
    return count_bytes(requests) + content[len(count_bytes(requests)) :]
