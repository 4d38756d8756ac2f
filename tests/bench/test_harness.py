"""The harness's arithmetic and table: what is compared with what, and how it is shown."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from subprocess import Popen

import pytest

from tests.bench.contest import Contest, Figure, Figures, Go, Result, Side, Spread, hold
from tests.bench.load.wrk import REPORT, LoadFailed, read_report, script
from tests.bench.record import record
from tests.bench.sides.practices import practices
from tests.bench.surroundings import Surroundings, come_first, cores, is_optimised, on_core
from tests.bench.table import number, table
from tests.support.store.long_history import history

EVENTS = Figure(name="events/s")
P99 = Figure(name="p99 ms", more_is_better=False)
CAP_SYS_NICE = 23
MACHINE = Surroundings(python="3.11.7 (CPython)", has_pgo=False, cores=2, cpu="a CPU", system="Linux 6")


def has_capability(number: int) -> bool:
    """Tell whether this process has one of capabilities(7)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (effective,) = (line.split()[1] for line in lines if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> number & 1)


def going(what: str, rates: Sequence[float], log: list[str] | None = None) -> Side:
    """Return a side with these rates, one a go."""
    left: Iterator[float] = iter(rates)

    async def go() -> Figures:
        if log is not None:
            log.append(what)
        return {EVENTS.name: next(left)}

    return Side(what=what, go=go)


def contest(ours: Side, bare: Side | None, name: str = "ingest") -> Contest:
    """Return a contest of one figure."""
    return Contest(name=name, figures=(EVENTS,), ours=ours, bare=bare)


async def test_turns() -> None:
    """After a go each to warm up, the sides take turns to begin."""
    log: list[str] = []
    await hold(contest(going("ours", range(1, 9), log), going("bare", range(1, 9), log)), 3)
    assert log == ["ours", "bare", "ours", "bare", "bare", "ours", "ours", "bare"]


async def test_ratio_of_each_round() -> None:
    """A ratio compares the two goes of one round, whichever was first; the warm-up does not count."""
    ours, bare = going("ours", [999, 10, 30, 80]), going("bare", [1, 20, 40, 100])
    (result,) = await hold(contest(ours, bare), 3)
    assert result.ratio == Spread((0.5, 0.75, 0.8))
    assert (result.ours.median, result.ratio.median) == (30, 0.75)
    assert (result.ratio.least, result.ratio.most) == (0.5, 0.8)


async def test_ours_alone() -> None:
    """Without a bare side there is no ratio."""
    (result,) = await hold(contest(going("ours", [1, 2, 3]), None), 2)
    assert (result.ours, result.bare, result.ratio) == (Spread((2, 3)), None, None)


async def test_several_figures() -> None:
    """Each figure of a contest is a result of its own, in the contest's order."""

    def counting() -> Go:
        numbers = count(1)

        async def go() -> Figures:
            return {P99.name: 10.0 * next(numbers), EVENTS.name: 7.0}

        return go

    sides = Side(what="ours", go=counting()), Side(what="bare", go=counting())
    both = Contest(name="authorize", figures=(EVENTS, P99), ours=sides[0], bare=sides[1])
    assert [(each.figure, each.ours.values) for each in await hold(both, 2)] == [
        (EVENTS, (7.0, 7.0)),
        (P99, (20.0, 30.0)),
    ]


async def test_table() -> None:
    """The table has a line a figure with medians, the ratio and its range, and names the machine."""
    one = contest(going("filing", [1, 1000, 3000, 2000]), going("COPY", [1, 4000, 4000, 4000]))
    other = contest(going("State.fold", [1, 12.34, 5, 100]), None, name="fold")
    results = [*await hold(one, 3), *await hold(other, 3)]
    text = table(results, MACHINE, 3, {"authorize": "there is no wrk here"})
    assert text.splitlines()[:8] == [
        "Python 3.11.7 (CPython) built without PGO; 2 cores, a CPU, Linux 6; 3 rounds",
        "",
        "pair    figure     ours   bare  ratio    min..max",
        "ingest  events/s  2,000  4,000   0.50  0.25..0.75",
        "fold    events/s   12.3                 5.00..100",
        "",
        "ingest: ours is filing; bare is COPY.",
        "fold: ours is State.fold.",
    ]
    assert text.splitlines()[-1] == "authorize did not run: there is no wrk here"


def test_table_of_nothing() -> None:
    """If nothing could run, the report still says why."""
    assert table([], MACHINE, 1, {"authorize": "no wrk"}).endswith("authorize did not run: no wrk")


@pytest.mark.parametrize(
    ("value", "written"), [(26141.4, "26,141"), (99.94, "99.9"), (12.34, "12.3"), (0.4567, "0.46")]
)
def test_numbers(value: float, written: str) -> None:
    """A figure has about three digits."""
    assert number(value) == written


async def test_record() -> None:
    """The JSON has every round of both sides and of their ratio."""
    results: Sequence[Result] = await hold(contest(going("a", [1, 10, 30]), going("b", [1, 20, 40])), 2)
    document = record(results, MACHINE, 2, {}, datetime(2026, 3, 1, tzinfo=UTC))
    assert document["results"] == [
        {
            "contest": "ingest",
            "figure": "events/s",
            "more_is_better": True,
            "ours": {"what": "a", "median": 20, "min": 10, "max": 30, "rounds": (10, 30)},
            "bare": {"what": "b", "median": 30, "min": 20, "max": 40, "rounds": (20, 40)},
            "ratio": {"median": 0.625, "min": 0.5, "max": 0.75, "rounds": (0.5, 0.75)},
        }
    ]


def test_pgo() -> None:
    """A Python built with profile-guided optimisation is recognised by how it was configured."""
    assert is_optimised("'--prefix=/usr' '--enable-optimizations' '--with-lto'")
    assert not is_optimised("'--prefix=/opt/python' '--enable-shared'")


def test_wrk_report() -> None:
    """wrk's report becomes requests a second and milliseconds."""
    load = read_report(
        f'Running\n{REPORT}{{"requests":5000,"duration_us":2000000,"p99_us":2500,"failed":{{}}}}\n'
    )
    assert (load.requests, load.requests_per_s, load.p99_ms) == (5000, 2500.0, 2.5)


@pytest.mark.parametrize(
    "report",
    [
        "no report at all",
        REPORT + '{"requests": 9, "duration_us": 1, "p99_us": 1, "failed": {"by status": 1}}',
        REPORT + '{"requests": 0, "duration_us": 1, "p99_us": 1, "failed": {}}',
    ],
)
def test_failed_load(report: str) -> None:
    """Refused or missing answers make no figure."""
    with pytest.raises(LoadFailed):
        read_report(report)


def test_script_requests() -> None:
    """The requests are in wrk's script as Lua strings."""
    assert '"GET / HTTP/1.1\\r\\nA: \\"b\\"\\r\\n\\r\\n"' in script(['GET / HTTP/1.1\r\nA: "b"\r\n\r\n'])


def test_core() -> None:
    """What is spawned in the block has one core, and this thread has all of its own again afterwards."""
    before = cores()
    with on_core(before[-1]):
        assert cores() == [before[-1]]
    assert cores() == before


def test_come_first() -> None:
    """A process that comes first runs before all others of its core; without permission nothing changes."""
    with Popen(["sleep", "60"]) as process:
        try:
            is_permitted = has_capability(CAP_SYS_NICE)
            assert come_first(process.pid) == is_permitted
            assert os.sched_getscheduler(process.pid) == (os.SCHED_FIFO if is_permitted else os.SCHED_OTHER)
        finally:
            process.kill()


def test_history() -> None:
    """The ledger to replay is as long as requested, and folds."""
    assert history(100).head.position == len(history(100).recorded()) == 100


def test_practices() -> None:
    """Every practice has a key of its own."""
    keys = practices(3).subscriber_keys
    assert len({key.secret for key in keys}) == len({key.key_id for key in keys}) == 3
