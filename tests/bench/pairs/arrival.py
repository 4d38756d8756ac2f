"""arrival: from a gatekeeper's answer to a row that a query returns, against the drivers' own way there.

Everything runs as in production: a gatekeeper answers at a fixed rate, a shipper and an audit service carry
on what it decided, and a vendor's activity is asked for as its stream asks for it. An event's age is counted
from when it was decided, which is just before the answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import orjson

from keyfold.local.process.ports import free_ports
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.postgres.connection import Pool, open_pool
from tests.bench.contest import Contest, Figure, Figures, Side
from tests.bench.ground import Ground, open_ground
from tests.bench.load.arrivals import BareArrivals, Onlooker, open_bare_arrivals
from tests.bench.load.steady_load import SteadyLoad
from tests.bench.percentile import percentile
from tests.bench.side_by_side import SideBySide, open_side_by_side
from tests.bench.sides.practices import practices
from tests.bench.sides.write_side import start_service
from tests.support.ledger_builder import vendor_id

P50 = Figure(name="p50 ms", more_is_better=False)
P99 = Figure(name="p99 ms", more_is_better=False)
WORST = Figure(name="worst ms", more_is_better=False)
ROWS = Figure(name="rows")
PRACTICES = 256
RATE_PER_S = 2_000.0
DURATION_S = 5.0
PACE_S = 0.001
"""The load sleeps in between: on two cores it would take one from those that do the work."""


@asynccontextmanager
async def contests(_ground: Ground) -> AsyncIterator[Sequence[Contest]]:
    """Yield the one; on its own servers, as a broker has only one access topic."""
    async with AsyncExitStack() as stack:
        ground = await stack.enter_async_context(open_ground())
        both = await stack.enter_async_context(open_side_by_side(ground, practices(PRACTICES)))
        for name, port in zip(("shipper", "audit"), free_ports(2), strict=True):
            await start_service(name, both.wiring, port, stack)
        dsn = both.wiring.postgres_dsns["audit"]
        pool = await stack.enter_async_context(open_pool(dsn, application_name="bench"))
        bare_pool = await stack.enter_async_context(_bare_log(await ground.database()))
        bare = await stack.enter_async_context(open_bare_arrivals(both.wiring.kafka_of["relay"], bare_pool))
        yield [
            Contest(
                name="arrival",
                figures=(P50, P99, WORST, ROWS),
                ours=_ours(both, Onlooker(pool=pool, vendor_id=vendor_id(1))),
                bare=_bare(bare),
            )
        ]


@asynccontextmanager
async def _bare_log(dsn: str) -> AsyncIterator[Pool]:
    async with open_pool(dsn, application_name="bench") as pool:
        await Partitions(pool).make([SYSTEM_CLOCK.now().date()])
        yield pool


def _ours(both: SideBySide, onlooker: Onlooker) -> Side:
    requests_path = both.directory / "requests.json"
    requests_path.write_bytes(orjson.dumps(both.asking.in_turn()))
    steady = SteadyLoad(
        requests_path=requests_path, rate_per_s=RATE_PER_S, core=both.load_core, pace_s=PACE_S
    )

    async def go() -> Figures:
        async with steady.flowing(both.own):
            return _figures(await onlooker.ages_s(DURATION_S))

    what = f"a gatekeeper that answers {RATE_PER_S:,.0f} requests/s, a shipper, the audit service, a query"
    return Side(what=what, go=go)


def _bare(arrivals: BareArrivals) -> Side:
    async def go() -> Figures:
        return _figures(await arrivals.ages_s(RATE_PER_S, DURATION_S))

    how = "aiokafka's batch each 10 ms, acks=all, fetched, and asyncpg's COPY into the same indexed partition"
    return Side(what=f"{how}, of as many", go=go)


def _figures(ages_s: Sequence[float]) -> Figures:
    ordered_ms = sorted(age * 1e3 for age in ages_s)
    return {
        P50.name: percentile(ordered_ms, 50),
        P99.name: percentile(ordered_ms, 99),
        WORST.name: ordered_ms[-1],
        ROWS.name: len(ordered_ms),
    }
