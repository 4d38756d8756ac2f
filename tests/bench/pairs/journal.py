"""journal: what it costs that an access event is on the disk, and not only in the kernel's hands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, closing, contextmanager, suppress
from functools import partial
from itertools import cycle
from pathlib import Path

from keyfold.gatekeeper.journal.directory import RunDirectory
from keyfold.gatekeeper.journal.segment import Segment
from keyfold.gatekeeper.journal.writer import Journal
from keyfold.gatekeeper.settings import GIB, MIB, JournalSync
from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.bench.batches import batches
from tests.bench.contest import Contest, Figure, Figures, Side
from tests.bench.ground import Ground
from tests.bench.load.traffic import traffic
from tests.bench.percentile import percentile
from tests.support.access_events import journal_lines

MEDIAN = Figure(name="ms a tick p50", more_is_better=False)
TAIL = Figure(name="ms a tick p99", more_is_better=False)
EVENTS_A_TICK = 16  # as a busy gatekeeper answers at once
TICKS_PREPARED = 256
GO_S = 2.5  # more than two intervals
PAUSE_S = 0.001  # a gatekeeper does something else between two ticks: some 10,000 requests/s
WAIT_MAX_S = 60.0

HOW: Mapping[JournalSync, str] = {
    "off": "brought to the disk when the system thinks fit",
    "interval": "brought to the disk every second, beside it",
    "always": "brought to the disk before a tick is answered",
}
Append = Callable[[Sequence[bytes]], int]


@asynccontextmanager
async def contests(ground: Ground) -> AsyncIterator[Sequence[Contest]]:
    """Yield one for each setting, beside the bare write."""
    events = traffic(1, TICKS_PREPARED * EVENTS_A_TICK, SYSTEM_CLOCK.now())
    ticks = [[journal_lines(event) for event in tick] for tick in batches(events, EVENTS_A_TICK)]
    what = f"os.write of the same {EVENTS_A_TICK} lines a tick"
    bare = Side(what=what, go=partial(_go, ground, _written, ticks))
    yield [
        Contest(
            name=f"journal, sync {mode}",
            figures=(MEDIAN, TAIL),
            ours=Side(what=f"the journal, {how}", go=partial(_go, ground, partial(_journalled, mode), ticks)),
            bare=bare,
        )
        for mode, how in HOW.items()
    ]


@contextmanager
def _written(root: Path) -> Iterator[Append]:
    with closing(Segment.create(root, 1)) as segment:
        yield lambda lines: segment.append(b"".join(lines))


@contextmanager
def _journalled(mode: JournalSync, root: Path) -> Iterator[Append]:
    journal = Journal(
        RunDirectory(root, "run"),
        SYSTEM_CLOCK,
        segment_bytes=64 * MIB,
        bytes_max=GIB,
        wait_max_s=WAIT_MAX_S,
        sync=mode,
    )
    with closing(journal):
        watch = asyncio.create_task(journal.watch())
        try:
            yield journal.append
        finally:
            watch.cancel()


async def _go(
    ground: Ground, opened: Callable[[Path], AbstractContextManager[Append]], ticks: Sequence[Sequence[bytes]]
) -> Figures:
    took_ms: list[float] = []
    with opened(ground.directory_of("journal")) as append, suppress(TimeoutError):
        async with asyncio.timeout(GO_S):
            for lines in cycle(ticks):
                took_ms.append(_took_ms(append, lines))
                await asyncio.sleep(PAUSE_S)
    took_ms.sort()
    return {MEDIAN.name: percentile(took_ms, 50), TAIL.name: percentile(took_ms, 99)}


def _took_ms(append: Append, lines: Sequence[bytes]) -> float:
    began_s = SYSTEM_CLOCK.monotonic_s()
    if append(lines) < len(lines):
        raise RuntimeError("the disk did not take what was written")
    return (SYSTEM_CLOCK.monotonic_s() - began_s) * 1000
