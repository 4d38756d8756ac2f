"""scale: a gatekeeper of a million keys against one of ten thousand, and one that folds against itself."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp

from keyfold.local.process.child import Child
from keyfold.local.process.ports import HOST
from keyfold.local.stack import answers_ready
from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.bench.contest import Contest, Figure, Figures, Side
from tests.bench.ground import Ground, open_ground, running
from tests.bench.load.event_stream import EventStream, open_event_stream
from tests.bench.load.wrk import LoadFailed, load, require_wrk
from tests.bench.sides.gatekeepers import Crowded, cpu_s, crowded, memory_mb, two_cores
from tests.bench.sides.practices import practices
from tests.bench.surroundings import on_core

REQUESTS = Figure(name="requests/s")
P99 = Figure(name="p99 ms", more_is_better=False)
CPU = Figure(name="CPU µs/request", more_is_better=False)
READY = Figure(name="s to ready", more_is_better=False)
MEMORY = Figure(name="MB", more_is_better=False)
KEYS, KEYS_FEW = 1_000_000, 10_000
KEYS_ASKED = 50_000
"""Asked for in turn they are more than stay unpacked: every one of them has to be unpacked each time."""
EVENTS_PER_S = 10_000
CONNECTIONS = 32
DURATION_S = 2
READY_TIMEOUT_S = 60.0
CATCH_UP_S = 5.0
POSITION = re.compile(r"^keyfold_gatekeeper_position (\S+)$", re.MULTILINE)


@asynccontextmanager
async def contests(_ground: Ground) -> AsyncIterator[Sequence[Contest]]:
    """Yield throughput by the number of keys, answers while events come, and a start with a million keys.

    Each gatekeeper has servers of its own, for there is only one lifecycle topic on a broker.
    """
    require_wrk()
    server_core, load_core = two_cores()
    asked, few = practices(KEYS_ASKED), practices(KEYS_FEW)
    async with AsyncExitStack() as stack:
        grounds = [await stack.enter_async_context(open_ground()) for _ in range(2)]
        # Broker and database are on other machines elsewhere, and here where they take nothing of an answer.
        with on_core(load_core):
            big = await crowded(grounds[0], asked, KEYS, KEYS_FEW, KEYS_ASKED)
            small = await crowded(grounds[1], few, KEYS_FEW, KEYS_FEW)
        kafka, dsn = big.wiring.kafka_of["relay"], big.wiring.postgres_dsns["gatekeeper"]
        stream = await stack.enter_async_context(open_event_stream(kafka, dsn, asked))
        big_child, small_child = [
            await stack.enter_async_context(_ready(each, server_core)) for each in (big, small)
        ]
        at_big, at_small = Asked(big, big_child, load_core), Asked(small, small_child, load_core)
        idle, little = _answering(at_big, KEYS, KEYS_FEW), _answering(at_small, KEYS_FEW, KEYS_FEW)
        # The events come last: whoever starts after them has them to fold as well.
        yield [
            Contest(
                name="authorize, by the number of keys",
                figures=(REQUESTS, P99, CPU),
                ours=idle,
                bare=little,
            ),
            Contest(
                name="authorize, keys out of use",
                figures=(REQUESTS, P99, CPU),
                ours=_answering(at_big, KEYS, KEYS_ASKED),
                bare=little,
            ),
            Contest(name="start", figures=(READY, MEMORY), ours=_starting(big, server_core), bare=None),
            Contest(
                name=f"authorize, while {EVENTS_PER_S:,} events/s come",
                figures=(REQUESTS, P99),
                ours=_folding(idle, stream, at_big),
                bare=idle,
            ),
        ]


@dataclass(frozen=True, slots=True)
class Asked:
    """A running gatekeeper, and the core that it is asked from."""

    gatekeeper: Crowded
    child: Child
    load_core: int


def _answering(at: Asked, keys: int, asked: int) -> Side:
    async def go() -> Figures:
        before_s = cpu_s(at.child.pid)
        done = await load(
            at.gatekeeper.url,
            at.gatekeeper.script_paths[asked],
            connections=CONNECTIONS,
            duration_s=DURATION_S,
            core=at.load_core,
        )
        return {
            REQUESTS.name: done.requests_per_s,
            P99.name: done.p99_ms,
            CPU.name: (cpu_s(at.child.pid) - before_s) * 1e6 / done.requests,
        }

    return Side(what=f"{keys:,} keys, {asked:,} of them in turn", go=go)


def _folding(idle: Side, stream: EventStream, at: Asked) -> Side:
    async def go() -> Figures:
        prepared = await stream.prepare(EVENTS_PER_S * DURATION_S)
        with on_core(at.load_core):
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(stream.send(prepared, EVENTS_PER_S))
                asking = tasks.create_task(_asked(idle))
        assert sending.done()
        await _caught_up(at.gatekeeper.port, stream.position)
        return asking.result()

    return Side(what=f"{idle.what}, folding all the while", go=go)


async def _asked(side: Side) -> Figures:
    return await side.go()


async def _caught_up(port: int, position: int) -> None:
    """Raise LoadFailed unless the gatekeeper folds as fast as events come."""
    deadline_s = SYSTEM_CLOCK.monotonic_s() + CATCH_UP_S
    while (reached := await _position(port)) < position:
        if SYSTEM_CLOCK.monotonic_s() > deadline_s:
            raise LoadFailed(
                f"{position - reached:.0f} events were not folded {CATCH_UP_S} s after the last came"
            )
        await asyncio.sleep(0.05)


async def _position(port: int) -> float:
    async with aiohttp.ClientSession() as session, session.get(f"http://{HOST}:{port}/metrics") as answer:
        found = POSITION.search(await answer.text())
    return float(found[1]) if found else 0.0


def _starting(gatekeeper: Crowded, core: int) -> Side:
    async def go() -> Figures:
        began_s = SYSTEM_CLOCK.monotonic_s()
        async with _ready(gatekeeper.elsewhere(), core) as child:
            ready_s = SYSTEM_CLOCK.monotonic_s() - began_s
            return {READY.name: ready_s, MEMORY.name: memory_mb(child.pid)}

    return Side(what=f"a gatekeeper process from nothing, {KEYS:,} keys", go=go)


@asynccontextmanager
async def _ready(gatekeeper: Crowded, core: int) -> AsyncIterator[Child]:
    async with running(gatekeeper.command, core=core) as child:
        await child.ready(lambda: answers_ready(gatekeeper.port), timeout_s=READY_TIMEOUT_S)
        yield child
