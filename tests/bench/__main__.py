"""Runs the benchmarks: `python -m tests.bench [pair ...] [--rounds N] [--json PATH]`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from keyfold.runtime import log
from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.bench.contest import CannotRun, Result, hold
from tests.bench.ground import Ground, open_ground
from tests.bench.pairs import PAIRS
from tests.bench.record import record, write
from tests.bench.surroundings import surroundings
from tests.bench.table import table

ROUNDS = 5
JSON_PATH = Path("build/bench.json")


def main() -> None:
    """Run what the command line names, print the table and write the JSON."""
    arguments = _arguments()
    # What services and migrations say at work would stand between the lines of progress.
    log.configure(service="bench", level="error")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            results, skipped = runner.run(_run(arguments.pairs or list(PAIRS), arguments.rounds))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("\nstopped, with everything that was started")
    where = surroundings()
    write(arguments.json, record(results, where, arguments.rounds, skipped, SYSTEM_CLOCK.now()))
    print(f"\n{table(results, where, arguments.rounds, skipped)}\n\nEvery round: {arguments.json}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("pairs", nargs="*", metavar="pair", help=f"of {', '.join(PAIRS)}; all without any")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each side goes (%(default)s)")
    parser.add_argument("--json", type=Path, default=JSON_PATH, help="where to write (%(default)s)")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.pairs if name not in PAIRS]:
        parser.error(f"there is no pair {', '.join(unknown)}; there are {', '.join(PAIRS)}")
    if arguments.rounds < 1:
        parser.error("one round is the least")
    return arguments


async def _run(names: Sequence[str], rounds: int) -> tuple[list[Result], dict[str, str]]:
    _stop_on_sigterm()
    results: list[Result] = []
    skipped: dict[str, str] = {}
    async with open_ground() as ground:
        for name in names:
            try:
                results += await _held(ground, name, rounds)
            except CannotRun as reason:
                skipped[name] = str(reason)
    return results, skipped


async def _held(ground: Ground, name: str, rounds: int) -> list[Result]:
    began_s = SYSTEM_CLOCK.monotonic_s()
    print(f"{name} … ", end="", file=sys.stderr, flush=True)
    async with PAIRS[name](ground) as contests:
        results = [result for contest in contests for result in await hold(contest, rounds)]
    print(f"{SYSTEM_CLOCK.monotonic_s() - began_s:.0f} s", file=sys.stderr)
    return results


def _stop_on_sigterm() -> None:
    # As Ctrl-C does already: an exception, so that everything that was started is stopped.
    if task := asyncio.current_task():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


if __name__ == "__main__":
    main()
