"""latency: how long answers take at half of the load that bare aiohttp bears, ours beside bare aiohttp's.

The questions come at a fixed rate from the other core, and are timed from when they were due. Both servers
come first on their core, for database, broker and the machine's own have none here: whatever wakes up would
else be found in either's slowest answers. The soak asks the gatekeeper alone, for KEYFOLD_BENCH_SOAK_S
seconds, while its journal changes files every few seconds and its garbage is collected as ever.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from keyfold.wire.journal.files import segment_first_seq
from tests.bench.contest import Contest, Figure, Figures, Go, Side
from tests.bench.ground import Ground
from tests.bench.load.steady_load import Latencies, SteadyLoad, half_of_maximum
from tests.bench.load.wrk import require_wrk
from tests.bench.side_by_side import Server, SideBySide, open_side_by_side
from tests.bench.sides.practices import practices
from tests.bench.surroundings import come_first

P50 = Figure(name="p50 ms", more_is_better=False)
P99 = Figure(name="p99 ms", more_is_better=False)
P999 = Figure(name="p99.9 ms", more_is_better=False)
WORST = Figure(name="worst ms", more_is_better=False)
# Where this is far less than the worst, the asker was behind: it has to share its core with something.
SINCE_SENT = Figure(name="worst since sent ms", more_is_better=False)
PAUSED = Figure(name="asker's pause ms", more_is_better=False)
UNSEEN = Figure(name="not seen in time", more_is_better=False)
CORE = Figure(name="CPU µs/request", more_is_better=False)
LATE = Figure(name="over 50 ms", more_is_better=False)
ANSWERS = Figure(name="answers")
ROTATIONS = Figure(name="journal files")
PRACTICES = 256
# What a kernel does every few seconds comes into every round then, and not into some.
DURATION_S = 10.0
SOAK_S = float(os.environ.get("KEYFOLD_BENCH_SOAK_S", "10"))
SEGMENT_BYTES = 8 * 1024 * 1024
JOURNAL_BYTES_MAX = 64 * 1024 * 1024 * 1024


@asynccontextmanager
async def contests(ground: Ground) -> AsyncIterator[Sequence[Contest]]:
    """Yield both at the same rate, and ours for a long time."""
    require_wrk()
    # Nobody ships what is journalled, so that there must be room for all of it.
    journal = {"JOURNAL_SEGMENT_BYTES": str(SEGMENT_BYTES), "JOURNAL_BYTES_MAX": str(JOURNAL_BYTES_MAX)}
    async with open_side_by_side(ground, practices(PRACTICES), **journal) as both:
        are_first = all(come_first(server.child.pid) for server in (both.own, both.bare))
        steady = await half_of_maximum(both)
        place = "first on its core" if are_first else "which may not come first on its core"
        at_rate = f"{place}, {steady.rate_per_s:,.0f} requests/s"
        yield [
            Contest(
                name="latency, half load",
                figures=(P50, P99, P999, WORST, SINCE_SENT, PAUSED, UNSEEN, CORE),
                ours=_side(f"a gatekeeper process, journal on, {at_rate}", steady, both.own),
                bare=_side("aiohttp with a handler that answers the same headers", steady, both.bare),
            ),
            Contest(
                name="latency, soak",
                figures=(P99, P999, WORST, SINCE_SENT, LATE, ANSWERS, ROTATIONS, PAUSED, UNSEEN, CORE),
                ours=_soak(steady, both),
                bare=None,
            ),
        ]


def _side(what: str, steady: SteadyLoad, server: Server) -> Side:
    async def go() -> Figures:
        return await _asked(steady, server, DURATION_S)

    return Side(what=what, go=go)


def _soak(steady: SteadyLoad, both: SideBySide) -> Side:
    async def go() -> Figures:
        before = _journal_files(both)
        figures = await _asked(steady, both.own, SOAK_S)
        return {**figures, ROTATIONS.name: _journal_files(both) - before}

    at_rate = f"{steady.rate_per_s:,.0f} requests/s"
    return Side(what=f"a gatekeeper process, once for {SOAK_S:g} s, {at_rate}", go=_once(go))


def _once(go: Go) -> Go:
    """Return a go that runs the first time and then repeats its result: ten minutes a round are too many."""
    gone: list[Figures] = []

    async def first() -> Figures:
        if not gone:
            gone.append(await go())
        return gone[0]

    return first


async def _asked(steady: SteadyLoad, server: Server, duration_s: float) -> Figures:
    before_s = server.cpu_s()
    latencies = await steady.on(server, duration_s)
    cpu_us = (server.cpu_s() - before_s) * 1e6
    return {**_figures(latencies), CORE.name: cpu_us / latencies.answered}


def _figures(latencies: Latencies) -> Figures:
    return {
        P50.name: latencies.p50_ms,
        P99.name: latencies.p99_ms,
        P999.name: latencies.p999_ms,
        WORST.name: latencies.worst_ms,
        SINCE_SENT.name: latencies.worst_since_sent_ms,
        PAUSED.name: latencies.paused_ms,
        UNSEEN.name: latencies.unseen,
        LATE.name: latencies.late,
        ANSWERS.name: latencies.answered,
    }


def _journal_files(both: SideBySide) -> int:
    return sum(segment_first_seq(path.name) is not None for path in both.wiring.journal_dir.rglob("*"))
