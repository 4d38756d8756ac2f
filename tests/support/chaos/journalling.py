"""A host's gatekeepers that journal all the time, one after another, and what their clients were told."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from msgspec.structs import replace

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import EventId, KeyId
from keyfold.gatekeeper.journal.directory import RunDirectory
from keyfold.gatekeeper.journal.writer import Journal
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.wire.access.codec import encode_access_event
from keyfold.wire.journal.line import journal_line
from tests.support.access_events import access_event

EVENTS_AT_ONCE = 10
KEYS = 50
RECENT = 500


@dataclass(slots=True, kw_only=True)
class Journalling:
    """Writes with the gatekeeper's own journal; `told` has the id of every event that counts as written.

    Every other run ends with half a line, as a power cut leaves it; `whole` has those that do not.
    """

    root: Path
    mark: str
    interval_s: float = 0.02
    run_events: int = 50
    segment_bytes: int = 4 * 1024
    told: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    recent: deque[AccessEvent] = field(default_factory=lambda: deque(maxlen=RECENT))
    _runs: count[int] = field(default_factory=lambda: count(1))

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Journal during the block; at its end the last run is over too."""
        over = asyncio.Event()
        writing = asyncio.create_task(self._write(over), name=f"journals of {self.mark}")
        try:
            yield
        finally:
            over.set()
            await writing

    async def _write(self, over: asyncio.Event) -> None:
        while not over.is_set():
            await self._write_run(over)

    async def _write_run(self, over: asyncio.Event) -> None:
        async with self.run() as journal:
            while journal.next_seq <= self.run_events and not over.is_set():
                self.write(journal)
                await asyncio.sleep(self.interval_s)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[Journal]:
        """Yield the journal of the next run, to which the block writes."""
        number = next(self._runs)
        directory = RunDirectory(self.root, f"{self.mark}.{number}")
        journal = Journal(
            directory, SYSTEM_CLOCK, segment_bytes=self.segment_bytes, bytes_max=1 << 40, wait_max_s=60
        )
        try:
            yield journal
            if number % 2:
                _tear(directory.path)
            elif journal.next_seq > 1:
                self.whole.add(journal.run_id)
        finally:
            journal.close()

    def write(self, journal: Journal, events: int = EVENTS_AT_ONCE) -> None:
        """Have some events written, and record them as told to clients."""
        made = [event_of(journal.run_id, journal.next_seq + index) for index in range(events)]
        taken = journal.append([journal_line(encode_access_event(event)) for event in made])
        self.told.update(event.event_id for event in made[:taken])
        self.recent.extend(made[:taken])


def event_of(run_id: str, seq: int) -> AccessEvent:
    """Return an event from now, of one of some keys."""
    made = access_event(seq, at=SYSTEM_CLOCK.now(), gatekeeper=run_id, key_id=KeyId(f"key_{seq % KEYS}"))
    return replace(made, event_id=EventId(SYSTEM_CLOCK.new_event_id()))


def _tear(run: Path) -> None:
    newest = max(run.glob("*.journal"))
    with newest.open("ab") as segment:
        segment.write(b"0badc0de {")
