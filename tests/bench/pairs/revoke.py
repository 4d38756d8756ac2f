"""revoke: from a revocation's arrival to the last allow, against what one commit and one record cost anyway.

Everything runs as in production, under half of the load that bare aiohttp bears. What is timed is taken apart
into hops whose sum is the whole: until the registry's answer, which leaves one look-up after PostgreSQL has
committed, while the event is on its way already; from then until a reader at Kafka has the event; and from
then until a client is denied, which may be before that reader had it, for the gatekeeper is a reader too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from tests.bench.contest import Contest, Figure, Figures, Side
from tests.bench.ground import Ground, open_ground
from tests.bench.load.steady_load import SteadyLoad, half_of_maximum
from tests.bench.load.wrk import require_wrk
from tests.bench.percentile import percentile
from tests.bench.side_by_side import SideBySide, open_side_by_side
from tests.bench.sides.bare_chain import BareChain, open_bare_chain
from tests.bench.sides.practices import practices
from tests.bench.sides.revocations import Hops, Revoker, open_revoker
from tests.bench.sides.write_side import open_write_side

PRACTICES = 256
REVOCATIONS = 100
PACE_S = 0.001
"""The load sleeps in between: on two cores it would take one from those that do the work."""

HOPS: dict[str, Callable[[Hops], float]] = {
    "": lambda hops: hops.denied_s,
    "commit ": lambda hops: hops.committed_s,
    "Kafka ": lambda hops: hops.readable_s - hops.committed_s,
    "apply ": lambda hops: hops.denied_s - hops.readable_s,
}
PERCENTILES = (50, 99)


@asynccontextmanager
async def contests(_ground: Ground) -> AsyncIterator[Sequence[Contest]]:
    """Yield the whole way with its hops, and the registry's answer with and without waiting for that.

    On servers of its own, for there is only one lifecycle topic on a broker.
    """
    require_wrk()
    async with AsyncExitStack() as stack:
        ground = await stack.enter_async_context(open_ground())
        both = await stack.enter_async_context(open_side_by_side(ground, practices(PRACTICES)))
        steady = await half_of_maximum(both, pace_s=PACE_S)
        owners = await stack.enter_async_context(open_write_side(both.wiring, PRACTICES))
        revoker = await stack.enter_async_context(open_revoker(both, owners))
        chain = await stack.enter_async_context(open_bare_chain(both))
        await chain.warm_up()
        yield [
            Contest(
                name="revoke to deny",
                figures=_figures(HOPS),
                ours=_revoking(revoker, steady, both),
                bare=_bare(chain, steady, both),
            ),
            Contest(
                name="revoke, the registry's answer",
                figures=_figures([""]),
                ours=_answered(revoker, steady, both, is_waited_for=True),
                bare=_answered(revoker, steady, both, is_waited_for=False),
            ),
        ]


def _revoking(revoker: Revoker, steady: SteadyLoad, both: SideBySide) -> Side:
    async def go() -> Figures:
        async with steady.flowing(both.own):
            return _of_hops([await revoker.revoke(key) for key in await revoker.live_keys(REVOCATIONS)])

    at_rate = f"{steady.rate_per_s:,.0f} requests/s"
    return Side(what=f"registry, relay and gatekeeper, which answers {at_rate}", go=go)


def _bare(chain: BareChain, steady: SteadyLoad, both: SideBySide) -> Side:
    async def go() -> Figures:
        async with steady.flowing(both.own):
            return _of_hops([await chain.go() for _ in range(REVOCATIONS)])

    how = "asyncpg's insert of a row, aiokafka's record sent with acks=all and fetched"
    return Side(what=f"{how}, and a question answered, under the same load", go=go)


def _answered(revoker: Revoker, steady: SteadyLoad, both: SideBySide, *, is_waited_for: bool) -> Side:
    async def go() -> Figures:
        async with steady.flowing(both.own):
            keys = await revoker.live_keys(REVOCATIONS)
            took_s = [await revoker.answered_s(key, is_waited_for=is_waited_for) for key in keys]
            return _of(took_s)

    return Side(what="with Prefer: wait" if is_waited_for else "the answer that waits for nobody", go=go)


def _figures(hops: Iterable[str]) -> list[Figure]:
    return [Figure(name=_name(hop, each), more_is_better=False) for hop in hops for each in PERCENTILES]


def _name(hop: str, per_cent: int) -> str:
    return f"{hop}p{per_cent} ms"


def _of_hops(gone: Sequence[Hops]) -> Figures:
    figures: dict[str, float] = {}
    for hop, taken in HOPS.items():
        figures |= _of([taken(hops) for hops in gone], hop)
    return figures


def _of(took_s: Sequence[float], hop: str = "") -> Figures:
    ordered = sorted(took_s)
    return {_name(hop, each): percentile(ordered, each) * 1e3 for each in PERCENTILES}
