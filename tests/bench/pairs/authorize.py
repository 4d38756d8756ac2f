"""authorize: a gatekeeper's answer, journal on, against aiohttp answering the same and doing nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.bench.contest import Contest, Figure, Figures, Side
from tests.bench.ground import Ground
from tests.bench.load.wrk import load, require_wrk, script
from tests.bench.side_by_side import Server, SideBySide, open_side_by_side
from tests.bench.sides.practices import practices

REQUESTS = Figure(name="requests/s")
P99 = Figure(name="p99 ms", more_is_better=False)
# What else runs on the machine takes time from the server, and leaves this nearly as it is.
CPU = Figure(name="CPU µs/request", more_is_better=False)
FEW, MANY = 32, 256
PRACTICES = 256
DURATION_S = 2


@asynccontextmanager
async def contests(ground: Ground) -> AsyncIterator[Sequence[Contest]]:
    """Yield few and many connections on the gateways' own port, and few on the service's port."""
    require_wrk()
    async with open_side_by_side(ground, practices(PRACTICES)) as both:
        script_path = both.directory / "requests.lua"
        script_path.write_text(script(both.asking.in_turn()))
        yield [
            _contest(f"authorize, {many} connections{where}", ours, both, script_path, many)
            for where, ours, many in (
                ("", both.own, FEW),
                ("", both.own, MANY),
                (", service's port", both.at_service, FEW),
            )
        ]


def _contest(name: str, ours: Server, both: SideBySide, script_path: Path, connections: int) -> Contest:
    how = (script_path, connections, both.load_core)
    return Contest(
        name=name,
        figures=(REQUESTS, P99, CPU),
        ours=_side(f"a gatekeeper process, journal on, {PRACTICES} keys in turn", ours, *how),
        bare=_side("aiohttp with a handler that answers the same headers", both.bare, *how),
    )


def _side(what: str, server: Server, script_path: Path, connections: int, core: int) -> Side:
    async def go() -> Figures:
        before_s = server.cpu_s()
        done = await load(server.url, script_path, connections=connections, duration_s=DURATION_S, core=core)
        spent_us = (server.cpu_s() - before_s) * 1e6
        return {
            REQUESTS.name: done.requests_per_s,
            P99.name: done.p99_ms,
            CPU.name: spent_us / done.requests,
        }

    return Side(what=what, go=go)
