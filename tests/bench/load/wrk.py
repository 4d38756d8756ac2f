"""wrk, the load: one thread that sends the same requests in turn over this many connections."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from keyfold.local.process.child import ProcessSpec
from tests.bench.contest import CannotRun
from tests.bench.ground import running

TIMEOUT_S = 10  # what is slow is to be measured, not to be called lost
REPORT = "keyfold-bench "
IN_TURN = """\
local requests = {{
{requests}
}}
local last = 0
request = function()
  last = last % #requests + 1
  return requests[last]
end
"""
# What differs between very many requests comes from a file: a script cannot have so many constants.
AROUND_LINES = """\
local lines = {{}}
for line in io.lines({path}) do
  lines[#lines + 1] = line
end
local last = 0
request = function()
  last = last % #lines + 1
  return {before} .. lines[last] .. {after}
end
"""
REPORTING = """\
done = function(summary, latency)
  local errors = summary.errors
  local report = '{report}{{"requests": %d, "duration_us": %d, "p99_us": %d, "failed": {{'
    .. '"to connect": %d, "to read": %d, "to write": %d, "for time": %d, "by status": %d}}}}\\n'
  io.write(string.format(report, summary.requests, summary.duration, latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
"""


class LoadFailed(Exception):
    """Answers were lost or refused, so what was measured is not what was meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the server did under the load."""

    requests: int
    requests_per_s: float
    p99_ms: float


def require_wrk() -> None:
    """Raise CannotRun if wrk is missing."""
    if shutil.which("wrk") is None:
        raise CannotRun("there is no wrk here; apt-get install wrk")


def script(requests: Sequence[str]) -> str:
    """Return a script for wrk that sends exactly these requests in turn, and reports in JSON."""
    return IN_TURN.format(requests=",\n".join(map(_quoted, requests))) + REPORTING.format(report=REPORT)


def script_around(lines: Path, before: str, after: str) -> str:
    """Return a script that sends a request for each line of a file in turn, with this text around it."""
    sending = AROUND_LINES.format(path=_quoted(str(lines)), before=_quoted(before), after=_quoted(after))
    return sending + REPORTING.format(report=REPORT)


def _quoted(text: str) -> str:
    # A string of JSON is one of Lua as well, as long as it is ASCII.
    return orjson.dumps(text).decode("ascii")


async def load(url: str, script_path: Path, *, connections: int, duration_s: int, core: int) -> Load:
    """Return what the server did. Raises LoadFailed unless every request was answered with a 2xx."""
    log_path = script_path.with_suffix(".log")
    log_path.unlink(missing_ok=True)
    argv = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{duration_s}s",
        f"--timeout={TIMEOUT_S}s",
        f"-s{script_path}",
        url,
    ]
    async with running(ProcessSpec(name="wrk", argv=argv, log_path=log_path), core=core) as child:
        await child.wait()
    return read_report(log_path.read_text())


def read_report(output: str) -> Load:
    """Return what wrk reported. Raises LoadFailed."""
    reports = [line.removeprefix(REPORT) for line in output.splitlines() if line.startswith(REPORT)]
    if not reports:
        raise LoadFailed(f"wrk did not report: {output}")
    report = orjson.loads(reports[0])
    failed = {how: times for how, times in report["failed"].items() if times}
    if failed or not report["requests"]:
        raise LoadFailed(f"of {report['requests']} requests failed {failed}")
    return Load(
        requests=report["requests"],
        requests_per_s=report["requests"] / (report["duration_us"] / 1e6),
        p99_ms=report["p99_us"] / 1e3,
    )
