"""`keyfold audit completeness`: whether the access log has each number of each gatekeeper's run once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer

from keyfold.cli.command import command
from keyfold.cli.commands.activity.scope import Since, Until, times_of
from keyfold.cli.keyfold import Keyfold, say_target
from keyfold.cli.screen import Ending, Listing, Tone, Toned, Value, minute
from keyfold.client.http import JsonObject
from keyfold.local.signing import OPERATOR
from keyfold.runtime.clock import SYSTEM_CLOCK

COMPLETENESS: Final = "/v1/audit/completeness"
COLUMNS: Final = (
    "hour",
    "gatekeeper",
    "numbers",
    "expected",
    "filed",
    "missing",
    "extra",
    "duplicates",
    "after that",
    "wrong",
)
RANGES_SHOWN_MAX: Final = 3
NumbersOnly = Annotated[bool, typer.Option("--numbers", help="Compare numbers alone; read no rows.")]
_GOOD_RUNS: Final = frozenset({"announced", "began_before"})
# More than there can be in 90 days: items that were not read would not be checked.
_ITEMS_MAX: Final = 100_000_000

audit = typer.Typer(no_args_is_help=True, help="Whether the access log is whole (operator).")


@command(audit, "completeness")
async def completeness(
    keyfold: Keyfold, since: Since = None, until: Until = None, numbers: NumbersOnly = False
) -> Listing:
    """Account for each number and row of each gatekeeper's run; exit with 1 if anything is wrong (operator).

    Every row is read and compared with what was filed; --numbers compares the numbers alone, in a moment.
    """
    query = {**times_of(since, until, SYSTEM_CLOCK.now()), "check": "numbers" if numbers else "rows"}
    say_target(keyfold.endpoints.service_at("audit"))
    pages = keyfold.items(COMPLETENESS, OPERATOR, items_max=_ITEMS_MAX, service="audit", query=query)
    return listing([item async for item in pages])


def listing(items: Sequence[JsonObject]) -> Listing:
    """Return what is shown of runs' hours; the command fails if anything is wrong with one."""
    is_whole = not any(item["missing"] or item["extra"] or _faults(item) for item in items)
    return Listing(
        columns=COLUMNS,
        rows=[_row(item) for item in items],
        items=items,
        empty="Nothing was filed in that time.",
        prose=("missing", "extra", "wrong"),
        gives_way=("duplicates", "expected", "filed", "after that", "numbers"),
        note=_verdict(items),
        ending=Ending.DONE if is_whole else Ending.FAILED,
    )


def _row(item: JsonObject) -> tuple[Value, ...]:
    return (
        minute(item["hour"]),
        item["gatekeeper"],
        _range(item),
        str(item["expected"]),
        str(item["filed"]),
        _numbers(item["missing"], item["missing_ranges"]),
        _numbers(item["extra"], item["extra_ranges"]),
        str(item["duplicates"]),
        _after(item),
        Toned("; ".join(_faults(item)), Tone.BAD) if _faults(item) else "—",
    )


def _faults(item: JsonObject) -> Sequence[str]:
    faults = [] if item["run"] in _GOOD_RUNS else [f"the run was {item['run'].replace('_', ' ')}"]
    if item["extra_ranges"]:
        faults.append(f"{_ranges(item['extra_ranges'])} came twice, with different content")
    if item["altered_blocks"]:
        faults.append(f"rows were changed among {_ranges(item['altered_blocks'])}")
    return faults


def _after(item: JsonObject) -> Value:
    if item["ended"]:
        return "nothing"
    return "more" if item["unknown_after"] is None else Toned("unknown", Tone.DOUBTFUL)


def _numbers(count: int, ranges: Sequence[JsonObject]) -> Value:
    if not count:
        return "—"
    return Toned(f"{count}: {_ranges(ranges)}", Tone.BAD)


def _ranges(ranges: Sequence[JsonObject]) -> str:
    more = ", …" if len(ranges) > RANGES_SHOWN_MAX else ""
    return ", ".join(map(_range, ranges[:RANGES_SHOWN_MAX])) + more


def _range(numbers: JsonObject) -> str:
    first, last = numbers["first"], numbers["last"]
    return str(first) if first == last else f"{first}-{last}"


def _verdict(items: Sequence[JsonObject]) -> str:
    missing, extra = (sum(item[name] for item in items) for name in ("missing", "extra"))
    wrong = sum(1 for item in items if _faults(item))
    if wrong:
        counts = f"{wrong} hours are wrong, {missing} missing, {extra} extra"
        return f"The log is not what gatekeepers wrote: {counts}."
    if not missing and not extra:
        return "Each known number of each run is there once." if items else ""
    late = sum(item["missing"] for item in items if not item["caught_up"])
    doubt = f" {late} of the missing may yet come: it is behind." if late else ""
    return f"The log is not whole: {missing} missing, {extra} extra.{doubt}"
