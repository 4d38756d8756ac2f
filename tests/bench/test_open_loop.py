"""Timing from outside: an answer counts when it is complete, and waits from when it was due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from keyfold.local.process.ports import HOST
from tests.bench.load.exchange import open_asker, whole
from tests.bench.load.open_loop import OpenLoop
from tests.bench.load.steady_load import read_report
from tests.bench.load.wrk import LoadFailed
from tests.bench.percentile import percentile

QUESTION = b"GET / HTTP/1.1\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
RATE_PER_S = 200
STALL_S = 0.5


@asynccontextmanager
async def stalling_server(stall_s: float, answer: bytes = ANSWER) -> AsyncIterator[int]:
    """Yield the port of a server that stalls before its first answer, or hangs up instead."""
    stalls = iter([stall_s])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(len(QUESTION)):
            await asyncio.sleep(next(stalls, 0))
            if not answer:
                break
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def looped(port: int, asked: int, *, pace_s: float = 0.001) -> dict[str, object]:
    """Return the report of an open loop over one connection."""
    loop = OpenLoop([QUESTION], rate_per_s=RATE_PER_S, asked_max=asked, pace_s=pace_s)
    await loop.connect(port, 1)
    await loop.run()
    return loop.report()


@pytest.mark.parametrize(("per_cent", "value"), [(50, 2), (75, 3), (99, 4), (100, 4)])
def test_percentile(per_cent: float, value: float) -> None:
    """A percentile is a measured value, which this percentage does not exceed."""
    assert percentile([1, 2, 3, 4], per_cent) == value


@pytest.mark.parametrize("length", range(len(ANSWER)))
def test_half_an_answer(length: int) -> None:
    """A part of an answer is not taken for the whole."""
    assert whole(ANSWER[:length]) is None


def test_whole_answer() -> None:
    """An answer is its status and its body, however its length is written, or without a body."""
    for data in (ANSWER, ANSWER.lower(), b"HTTP/1.1 204 No Content\r\n\r\n"):
        answered = whole(data)
        assert answered is not None
        assert (answered.status, answered.body) in {(200, b"ok"), (204, b"")}


async def test_asker() -> None:
    """The asker has each answer as soon as it is there."""
    async with stalling_server(0) as port, open_asker(port) as asker:
        assert [(await asker.ask(QUESTION)).body for _ in range(3)] == [b"ok", b"ok", b"ok"]


async def test_waiting_counts_from_the_turn() -> None:
    """A question that could not be sent, as the one before it had no answer, has waited since its turn."""
    async with stalling_server(STALL_S) as port:
        report = await looped(port, 200)
    assert report["answered"] == 200
    assert isinstance(report["late"], int)
    assert isinstance(report["worst_ms"], float)
    assert report["worst_ms"] >= STALL_S * 1e3
    # All that were due in the stall but for the last of it, where a closed loop would have seen one.
    assert report["late"] >= 0.8 * RATE_PER_S * (STALL_S - 0.05)


async def test_what_the_asker_was_kept_from_is_not_timed() -> None:
    """While the asker itself stands still no question is due, and answers under way are in no percentile."""
    async with stalling_server(0) as port:
        # The pause itself: the thread that asks has no core for so long.
        asyncio.get_running_loop().call_later(0.1, time.sleep, STALL_S)
        report = await looped(port, 100, pace_s=0)
    assert (report["answered"], report["failed"]) == (100, {})
    assert isinstance(report["p999_ms"], float)
    assert isinstance(report["paused_ms"], float)
    assert report["p999_ms"] < STALL_S * 1e3 / 2 < STALL_S * 1e3 <= report["paused_ms"]


async def test_refused() -> None:
    """Answers other than 200 are reported by their status."""
    async with stalling_server(0, ANSWER.replace(b"200", b"503")) as port:
        assert (await looped(port, 3))["failed"] == {"503": 3}


async def test_lost() -> None:
    """A connection that the server ends ends the load, and is no answer."""
    async with stalling_server(0, b"") as port:
        report = await looped(port, 3)
    assert (report["answered"], report["failed"]) == (0, {"0": 1})


def test_failed_steady_load() -> None:
    """Refused or missing answers make no figure."""
    for output in (
        "asking\n",
        '{"answered": 5, "unanswered": 1, "failed": {}}',
        '{"failed": {"0": 1}, "unanswered": 0, "answered": 9}',
    ):
        with pytest.raises(LoadFailed):
            read_report(output)
