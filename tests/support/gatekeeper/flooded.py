"""A gatekeeper that aggregates denials, what may happen to it, and what is shipped in the end."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from keyfold.domain.access.event import AccessEvent
from keyfold.gatekeeper.authz.denial_aggregation import DenialAggregation
from keyfold.gatekeeper.authz.request.headers import Fields
from keyfold.gatekeeper.journal.counted_file import CountedFile
from keyfold.gatekeeper.journal.segment import Segment
from keyfold.gatekeeper.journal.writer import Journal
from keyfold.gatekeeper.settings import ClientIpKept, JournalSync
from keyfold.shipper.run_journal import RunJournal
from keyfold.wire.access.codec import decode_access_event
from tests.support.gatekeeper.heart import KEYS, Clock, Heart, Waiting, heart_in, reason_of
from tests.support.gatekeeper.practice import UNKNOWN_KEY

PER_S = 2
MANY = 40
SECOND = timedelta(seconds=1)
BYTES_MAX = 1 << 20
STRANGE: Fields = {**KEYS, "a-api-key": [UNKNOWN_KEY.secret]}


class Killed(BaseException):
    """`kill -9`, as far as the running code is concerned."""


@dataclass(slots=True)
class Fate:
    """What becomes of the writes of a process: which one it does not outlive, and which the disk refuses.

    It dies before the write of the number `dies_at`, or where `is_written` right behind it. `takes` is what
    happens while it writes.
    """

    dies_at: int | None = None
    is_written: bool = False
    file_refuses: bool = False
    sync_refuses: bool = False
    is_synced: bool = True
    journal_refuses: bool = False
    writes: int = 0
    takes: Callable[[], None] | None = None

    def meet(self, write: Callable[[], int], *, is_refused: bool) -> int:
        """Write, fail or die."""
        if is_refused:
            raise OSError(errno.ENOSPC, "the disk refuses")
        self.writes += 1
        if self.writes == self.dies_at and not self.is_written:
            raise Killed
        written = write()
        if self.takes is not None:
            self.takes()
        if self.writes == self.dies_at:
            raise Killed
        return written


class FatefulFile(CountedFile):
    """A file of counts whose writes meet their fate."""

    fate: ClassVar[Fate]

    def _write(self, content: bytes, slot: int) -> None:
        def write() -> int:
            super(FatefulFile, self)._write(content, slot)
            return len(content)

        self.fate.is_synced = False
        self.fate.meet(write, is_refused=self.fate.file_refuses)

    def sync(self) -> None:
        """Wait for the disk, or fail."""
        super().sync()
        if self.fate.sync_refuses:
            raise OSError(errno.EIO, "the disk failed")
        self.fate.is_synced = True


class FatefulSegment(Segment):
    """A segment whose writes meet their fate."""

    fate: ClassVar[Fate]

    def append(self, lines: bytes) -> int:
        """Write, fail or die."""
        write = super().append
        return self.fate.meet(lambda: write(lines), is_refused=self.fate.journal_refuses)


@dataclass(kw_only=True)
class Flooded:
    """A gatekeeper whose denials are aggregated, and the questions to it."""

    heart: Heart
    aggregation: DenialAggregation
    fate: Fate
    asked: list[Waiting] = field(default_factory=list)
    is_killed: bool = False

    def ask(self, fields: Fields, *, target: str = "/authz/v1/patient") -> Waiting:
        """Ask, and return at once."""
        self.asked.append(waiting := self.heart.ask(target=target, fields=fields))
        return waiting

    async def flood(self, times: int, fields: Fields) -> Sequence[Waiting]:
        """Ask the same this many times in one tick, and wait for the answers."""
        waiting = [self.ask(fields) for _ in range(times)]
        await asyncio.sleep(0)
        return waiting

    def second(self) -> None:
        """Let a second pass, with everything that happens then."""
        self.heart.clock.at += SECOND
        self.aggregation.journal_finished()

    def answered(self) -> int:
        """Return how many were answered with a decision."""
        return sum(map(was_decided, self.asked))


def was_decided(waiting: Waiting) -> bool:
    """Tell whether the question was answered by a gatekeeper that could write the decision down."""
    return [reason_of(answer) for answer in waiting.answers] not in ([], ["journal_unavailable"])


@contextmanager
def run_flooded(
    root: Path,
    *,
    per_s: int = PER_S,
    fate: Fate | None = None,
    kept: ClientIpKept = "full",
    sync: JournalSync = "off",
    **how: Any,
) -> Iterator[Flooded]:
    """Yield a gatekeeper that aggregates denials; it ends in order, unless it was killed."""

    class File(FatefulFile):
        pass

    class Written(FatefulSegment):
        pass

    File.fate = Written.fate = met = fate or Fate()
    made: list[tuple[CountedFile, DenialAggregation]] = []

    def make_aggregation(journal: Journal, clock: Clock) -> DenialAggregation:
        file = File.create(root / journal.run_id)
        made.append((file, DenialAggregation(journal, file, clock, per_s=per_s, kept=kept, sync=sync)))
        return made[0][1]

    with heart_in(root, new_segment=Written.create, make_aggregation=make_aggregation, **how) as heart:
        ((file, aggregation),) = made
        yield (bed := Flooded(heart=heart, aggregation=aggregation, fate=met))
        try:
            if not bed.is_killed:
                aggregation.close()
        except Killed:
            bed.is_killed = True
        if bed.is_killed:
            file.close()


def read_shipped(root: Path, *, run_id: str = "run") -> list[AccessEvent]:
    """Return every event that a shipper finds of an ended run, in the order of shipping."""
    journal, events = RunJournal(root / run_id), []
    while True:
        portion = journal.read(BYTES_MAX)
        events += [decode_access_event(record.value or b"") for record in portion.records]
        journal.acknowledge(portion)
        if portion.is_last:
            return events


def only_counted(events: Sequence[AccessEvent]) -> list[AccessEvent]:
    """Return the events that stand for counted requests."""
    return [event for event in events if event.path == "/**"]


def requests(events: Sequence[AccessEvent]) -> int:
    """Return how many requests the events stand for."""
    return sum(event.requests for event in events)


def decision_id_of(waiting: Waiting) -> str:
    """Return the id of the event that an answer names."""
    (answer,) = waiting.answers
    return answer.headers["X-Keyfold-Decision"]


def malformed(network: int = 0) -> Fields:
    """Return the fields of a question with a malformed key, from a network of that number."""
    return _from(network, {**STRANGE, "x-api-key": ["no key"]})


def missing(network: int = 0) -> Fields:
    """Return the fields of a question without a vendor key."""
    return _from(network, {name: values for name, values in STRANGE.items() if name != "x-api-key"})


def known(network: int = 0) -> Fields:
    """Return the fields of a question with valid keys."""
    return _from(network, KEYS)


def _from(network: int, fields: Fields) -> Fields:
    return {**fields, "x-forwarded-for": [f"198.{51 + (network >> 8)}.{network & 255}.7"]}
