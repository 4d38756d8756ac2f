"""How a chart of activity is drawn."""

from __future__ import annotations

import re

import pytest

from keyfold.console.activity.chart import draw_chart
from keyfold.console.activity.sums import Series


@pytest.mark.parametrize("bars", [1, 7, 8, 13, 24, 30])
def test_labels(bars: int) -> None:
    """There are at most eight labels, evenly spaced, whatever the chart's length: no two touch."""
    allowed = Series(name="allow", said="Allowed", counts=tuple(range(bars)))
    chart = str(draw_chart(tuple(f"bar {at}" for at in range(bars)), (allowed,), "Requests"))
    shown = [int(at) for at in re.findall(r"bar (\d+)", chart)]
    assert shown == list(range(0, bars, shown[1] if len(shown) > 1 else 1))
    assert len(shown) <= 8
