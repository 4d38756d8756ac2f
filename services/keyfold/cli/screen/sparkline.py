"""Numbers over time as a line of small bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

BARS: Final = "▁▂▃▄▅▆▇█"
NOTHING: Final = "·"


def sparkline(numbers: Sequence[int], width_max: int) -> str:
    """Return a bar for each number, or for the sum of a few neighbours if there is no room for all.

    The largest number has the full height; zero alone is a dot.
    """
    bars = _fit(numbers, max(1, width_max))
    highest = max(bars, default=0)
    return "".join(_bar(number, highest) for number in bars)


def _fit(numbers: Sequence[int], width_max: int) -> Sequence[int]:
    together = -(-len(numbers) // width_max) or 1
    # Counted from the newest, so that the last bar stands for as many numbers as the others.
    ends = range(len(numbers), 0, -together)
    return [sum(numbers[max(0, end - together) : end]) for end in reversed(ends)]


def _bar(number: int, highest: int) -> str:
    if number == 0:
        return NOTHING
    return BARS[-(-number * len(BARS) // highest) - 1]
