"""Percentiles: how long all but a few had to wait."""

from __future__ import annotations

import math
from collections.abc import Sequence


def percentile(ordered: Sequence[float], per_cent: float) -> float:
    """Return the smallest of the ordered values that this percentage of them does not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * per_cent / 100) - 1)]
