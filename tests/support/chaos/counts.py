"""What was counted for one victim, as shown at the end of the run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """One victim's numbers.

    `rows` are the log's, `unanswered_rows` those whose answer was cut; `cut` counts requests without an
    answer. The last position and the repeats, which Kafka has and consumers drop, are of all victims so far.
    """

    victim: str
    answered: int
    allowed: int
    stale: int
    rows: int
    unanswered_rows: int
    cut: int
    access_repeats: int
    commands: int
    position: int
    lifecycle_repeats: int
    denied_at_grave: int
    back_s: float
    took_s: float
