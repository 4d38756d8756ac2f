"""The table of a run: what was measured, how it compares, and how to read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from textwrap import fill

from tests.bench.contest import Result, Spread
from tests.bench.surroundings import Surroundings

HEADINGS = ("pair", "figure", "ours", "bare", "ratio", "min..max")
TEXT_COLUMNS = 2
GAP = "  "
WIDTH = 110
HOW_TO_READ = (
    "How to read it: in each round ours and the bare thing run one after the other, in an order that changes"
    ' from round to round. "ratio" is ours divided by bare within a round: the median of all rounds, then the'
    " least and the most. 1.00 is as good as if nothing of ours were there. Of a figure in ms less is better,"
    " of the others more. Ratios travel from machine to machine and figures do not; a wide min..max says that"
    " something else was running. Where there is no bare thing the range is of our own figure, to be compared"
    " with another run on the same machine."
)


def table(results: Sequence[Result], where: Surroundings, rounds: int, skipped: Mapping[str, str]) -> str:
    """Return the whole report as text."""
    head = f"{where}; {rounds} rounds"
    missing = (f"{pair} did not run: {why}" for pair, why in skipped.items())
    parts = (
        head,
        _aligned(_rows(results)),
        "\n".join(_legend(results)),
        fill(HOW_TO_READ, WIDTH),
        "\n".join(missing),
    )
    return "\n\n".join(part for part in parts if part)


def number(value: float) -> str:
    """Return a figure with three significant digits."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _rows(results: Iterable[Result]) -> Iterable[tuple[str, ...]]:
    if results:
        yield HEADINGS
    for name, group in groupby(results, key=lambda result: result.contest.name):
        for index, result in enumerate(group):
            yield (name if index == 0 else "", result.figure.name, *_numbers(result))


def _numbers(result: Result) -> tuple[str, ...]:
    ours, bare, ratio = number(result.ours.median), result.bare, result.ratio
    if bare is None or ratio is None:
        return ours, "", "", _range(result.ours, number)
    return ours, number(bare.median), f"{ratio.median:.2f}", _range(ratio, "{:.2f}".format)


def _range(spread: Spread, written: Callable[[float], str]) -> str:
    return f"{written(spread.least)}..{written(spread.most)}"


def _aligned(rows: Iterable[tuple[str, ...]]) -> str:
    rows = tuple(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (
        cell.ljust(width) if index < TEXT_COLUMNS else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return GAP.join(cells).rstrip()


def _legend(results: Iterable[Result]) -> Iterable[str]:
    contests = {result.contest.name: result.contest for result in results}
    for name, contest in contests.items():
        beside = f"; bare is {contest.bare.what}" if contest.bare else ""
        said = f"{name}: ours is {contest.ours.what}{beside}."
        yield fill(said, WIDTH, subsequent_indent=GAP)
