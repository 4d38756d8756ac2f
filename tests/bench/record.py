"""A run as JSON, with every round's figures, so that two runs can be compared later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import orjson

from tests.bench.contest import Result, Spread
from tests.bench.surroundings import Surroundings


def record(
    results: Sequence[Result], where: Surroundings, rounds: int, skipped: Mapping[str, str], at: datetime
) -> dict[str, object]:
    """Return the whole run as plain values."""
    return {
        "at": at.isoformat(),
        "surroundings": asdict(where),
        "rounds": rounds,
        "results": [_result(result) for result in results],
        "skipped": dict(skipped),
    }


def write(path: Path, document: Mapping[str, object]) -> None:
    """Write it to this path, and make the directory if there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))


def _result(result: Result) -> dict[str, object]:
    contest, bare, ratio = result.contest, result.bare, result.ratio
    return {
        "contest": contest.name,
        "figure": result.figure.name,
        "more_is_better": result.figure.more_is_better,
        "ours": {"what": contest.ours.what, **_spread(result.ours)},
        "bare": None
        if contest.bare is None or bare is None
        else {"what": contest.bare.what, **_spread(bare)},
        "ratio": None if ratio is None else _spread(ratio),
    }


def _spread(spread: Spread) -> dict[str, object]:
    return {"median": spread.median, "min": spread.least, "max": spread.most, "rounds": spread.values}
