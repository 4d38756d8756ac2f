"""An open loop: asks at a fixed rate whatever the answers do, and times each from when it was due.

A question that finds no connection free is sent late and timed from its turn all the same. To wait for
answers before asking on, as wrk does, would leave out just those questions that a slow moment keeps waiting.
What the server is not to blame for is left out: while another has the asker's core, no turn comes, and what
is on its way is not timed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import time
from array import array
from collections import Counter
from itertools import chain
from pathlib import Path

import orjson
import uvloop

from keyfold.local.process.ports import HOST
from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.bench.load.exchange import LOST, Answered, Exchange
from tests.bench.percentile import percentile

ASKING = "asking"
LATE_S = 0.05
"""Longer than any answer should take."""

LAST_ANSWERS_S = 10.0
KEPT_MIN_S = 0.0001
"""How long another process must have had the asker's core to count: longer than an interrupt takes."""

OK = 200


class OpenLoop:
    """Asks the requests in turn; `pace_s` is for how long it sleeps between two looks at the clock.

    Without sleep it takes a core, and is exact to the microseconds that it takes to send.
    """

    def __init__(self, requests: list[bytes], *, rate_per_s: float, asked_max: int, pace_s: float) -> None:
        self._requests = requests
        self._interval_s = 1 / rate_per_s
        self._asked_max = asked_max
        self._pace_s = pace_s
        self._loop = asyncio.get_running_loop()
        self._free: list[Exchange] = []
        self._due_s: dict[Exchange, float] = {}
        self._sent_s: dict[Exchange, float] = {}
        self._asked = 0
        self._began_s = self._looked_s = self._ran_s = self._resumed_s = 0.0
        self._ended = asyncio.Event()
        self._took_s = array("d")
        self._took_unseen_s = array("d")
        self._took_since_sent_s = 0.0
        self._statuses: Counter[int] = Counter()
        self._paused_s = 0.0

    async def connect(self, port: int, connections: int) -> None:
        """Open the connections."""
        for _ in range(connections):
            _, exchange = await self._loop.create_connection(lambda: Exchange(self._note), HOST, port)
            self._free.append(exchange)

    async def run(self) -> None:
        """Ask until all is asked, or `stop` is called, and wait for the last answers."""
        self._began_s = self._looked_s = SYSTEM_CLOCK.monotonic_s()
        self._ran_s = time.thread_time()
        # A server that has stopped answering leaves no connection to ask on.
        self._loop.call_later(self._asked_max * self._interval_s + LAST_ANSWERS_S, self.stop)
        self._look()
        await self._ended.wait()
        for exchange in self._free:
            exchange.close()

    def stop(self) -> None:
        """Ask nothing more."""
        self._asked_max = self._asked
        self._loop.call_later(LAST_ANSWERS_S, self._ended.set)
        self._end_if_answered()

    def _look(self) -> None:
        now_s = self._time_s()
        while self._asked < self._asked_max and self._free and self._next_s <= now_s:
            exchange = self._free.pop()
            self._due_s[exchange], self._sent_s[exchange] = self._next_s, now_s
            exchange.ask(self._requests[self._asked % len(self._requests)])
            self._asked += 1
        if self._asked < self._asked_max:
            self._loop.call_later(self._pace_s, self._look)
        else:
            self.stop()

    def _time_s(self) -> float:
        """Return the time, and add up for how long another process had the core since the last look."""
        now_s, ran_s = SYSTEM_CLOCK.monotonic_s(), time.thread_time()
        paused_s = now_s - self._looked_s
        self._paused_s = max(self._paused_s, paused_s)
        # Where it sleeps between two looks it cannot tell who kept it.
        if not self._pace_s and (kept_s := paused_s - (ran_s - self._ran_s)) > KEPT_MIN_S:
            self._began_s += kept_s
            self._resumed_s = now_s
        self._looked_s, self._ran_s = now_s, ran_s
        return now_s

    @property
    def _next_s(self) -> float:
        return self._began_s + self._asked * self._interval_s

    def _note(self, exchange: Exchange, answered: Answered) -> None:
        self._time_s()
        due_s = self._due_s.pop(exchange, None)
        self._statuses[answered.status] += 1
        if answered.status == LOST:
            self.stop()
        elif due_s is not None:
            is_seen = self._sent_s[exchange] >= self._resumed_s
            (self._took_s if is_seen else self._took_unseen_s).append(answered.at_s - due_s)
            since_sent_s = answered.at_s - self._sent_s[exchange]
            self._took_since_sent_s = max(self._took_since_sent_s, since_sent_s)
            self._free.append(exchange)
        self._end_if_answered()

    def _end_if_answered(self) -> None:
        if self._asked == self._asked_max and not self._due_s:
            self._ended.set()

    def report(self) -> dict[str, object]:
        """Return how long answers took. Where the worst since it was sent is far less than the worst, this
        process was behind and not the server; `paused_ms` is for how long it was once kept from looking, and
        `unseen` how many were not timed in the percentiles for that.
        """
        ordered = sorted(self._took_s) or [0.0]
        unseen = self._took_unseen_s
        return {
            "answered": len(self._took_s) + len(unseen),
            "p50_ms": percentile(ordered, 50) * 1e3,
            "p99_ms": percentile(ordered, 99) * 1e3,
            "p999_ms": percentile(ordered, 99.9) * 1e3,
            "worst_ms": max(chain(ordered[-1:], unseen)) * 1e3,
            "worst_since_sent_ms": self._took_since_sent_s * 1e3,
            "late": sum(took_s > LATE_S for took_s in chain(ordered, unseen)),
            "paused_ms": self._paused_s * 1e3,
            "unseen": len(unseen),
            "unanswered": len(self._due_s),
            "failed": {str(status): times for status, times in self._statuses.items() if status != OK},
        }


def main() -> None:
    """Ask what the command line says and print the report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--requests", type=Path, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--duration", type=float, required=True)
    parser.add_argument("--pace", type=float, default=0.0)
    arguments = parser.parse_args()
    gc.disable()  # its pauses would be taken for the server's
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(orjson.dumps(runner.run(_run(arguments))).decode())


async def _run(arguments: argparse.Namespace) -> dict[str, object]:
    requests = [text.encode("latin-1") for text in orjson.loads(arguments.requests.read_bytes())]
    loop = OpenLoop(
        requests,
        rate_per_s=arguments.rate,
        asked_max=int(arguments.rate * arguments.duration),
        pace_s=arguments.pace,
    )
    await loop.connect(arguments.port, arguments.connections)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, loop.stop)
    print(ASKING, flush=True)
    await loop.run()
    return loop.report()


if __name__ == "__main__":
    main()
