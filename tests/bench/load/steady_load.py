"""A steady load: this many questions a second to one server, for a time or during other work."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import orjson

from keyfold.local.process.child import ProcessSpec
from tests.bench.ground import running
from tests.bench.load.open_loop import ASKING
from tests.bench.load.wrk import LoadFailed, load, script
from tests.bench.side_by_side import Server, SideBySide

CONNECTIONS = 32
MAXIMUM_TAKEN_IN_S = 2
STARTED_WITHIN_S = 20.0
FOREVER_S = 3600.0

_NUMBERS = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """How long answers took since they were due.

    `late` counts those over 50 ms; `worst_since_sent_ms` leaves out what the asker itself was late by, and
    `paused_ms` is for how long it once stood still. `unseen` answers were on their way while another had the
    asker's core: they count in `late` and the worst, and not in the percentiles.
    """

    answered: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    worst_ms: float
    worst_since_sent_ms: float
    late: int
    paused_ms: float
    unseen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SteadyLoad:
    """What is asked of a server, and how often; `pace_s` as in OpenLoop."""

    requests_path: Path
    rate_per_s: float
    core: int
    pace_s: float = 0.0

    async def on(self, server: Server, duration_s: float) -> Latencies:
        """Ask for this long. Raises LoadFailed unless every question was answered with 200."""
        command = self._command(server, duration_s)
        async with running(command, core=self.core) as child:
            await child.wait()
        return read_report(_written(command))

    @asynccontextmanager
    async def flowing(self, server: Server) -> AsyncIterator[None]:
        """Ask during the block. Raises LoadFailed as `on` does."""
        command = self._command(server, FOREVER_S)

        async def is_asking() -> bool:
            return ASKING in _written(command)

        async with running(command, core=self.core) as child:
            await child.ready(is_asking, timeout_s=STARTED_WITHIN_S)
            yield
        read_report(_written(command))

    def _command(self, server: Server, duration_s: float) -> ProcessSpec:
        arguments = {
            "port": server.port,
            "requests": self.requests_path,
            "connections": CONNECTIONS,
            "rate": self.rate_per_s,
            "duration": duration_s,
            "pace": self.pace_s,
        }
        return ProcessSpec(
            name="open loop",
            argv=[
                sys.executable,
                "-m",
                "tests.bench.load.open_loop",
                *(f"--{name}={value}" for name, value in arguments.items()),
            ],
            log_path=self.requests_path.with_suffix(f".{next(_NUMBERS)}.log"),
        )


async def half_of_maximum(both: SideBySide, *, pace_s: float = 0.0) -> SteadyLoad:
    """Return half of the load that the bare server can bear, as measured now."""
    script_path, requests_path = (both.directory / name for name in ("maximum.lua", "requests.json"))
    script_path.write_text(script(both.asking.in_turn()))
    requests_path.write_bytes(orjson.dumps(both.asking.in_turn()))
    how = {"connections": CONNECTIONS, "duration_s": MAXIMUM_TAKEN_IN_S, "core": both.load_core}
    borne = await load(both.bare.url, script_path, **how)
    rate_per_s = round(borne.requests_per_s / 2, -2)
    return SteadyLoad(requests_path=requests_path, rate_per_s=rate_per_s, core=both.load_core, pace_s=pace_s)


def read_report(output: str) -> Latencies:
    """Return what the open loop reported. Raises LoadFailed."""
    reports = [line for line in output.splitlines() if line.startswith("{")]
    if not reports:
        raise LoadFailed(f"the open loop did not report: {output}")
    report = orjson.loads(reports[0])
    failed, unanswered = report.pop("failed"), report.pop("unanswered")
    if failed or unanswered:
        raise LoadFailed(f"of {report['answered']} questions {unanswered} had no answer, others {failed}")
    return Latencies(**report)


def _written(command: ProcessSpec) -> str:
    path = command.log_path
    return path.read_text() if path is not None and path.exists() else ""
