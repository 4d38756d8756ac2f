"""`keyfold audit completeness`: whether the access log has each number of each gatekeeper's run once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

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
)
RANGES_SHOWN_MAX: Final = 3
# More than there can be in 90 days: items that were not read would not be checked.
_ITEMS_MAX: Final = 100_000_000

audit = typer.Typer(no_args_is_help=True, help="Whether the access log is whole (operator).")


@command(audit, "completeness")
async def completeness(keyfold: Keyfold, since: Since = None, until: Until = None) -> Listing:
    """Account for each number of each gatekeeper's run; exit with 1 if any is missing or extra (operator)."""
    query = times_of(since, until, SYSTEM_CLOCK.now())
    say_target(keyfold.endpoints.service_at("audit"))
    pages = keyfold.items(COMPLETENESS, OPERATOR, items_max=_ITEMS_MAX, service="audit", query=query)
    return listing([item async for item in pages])


def listing(items: Sequence[JsonObject]) -> Listing:
    """Return what is shown of runs' hours; the command fails if a number is missing or extra."""
    is_whole = not any(item["missing"] or item["extra"] for item in items)
    return Listing(
        columns=COLUMNS,
        rows=[_row(item) for item in items],
        items=items,
        empty="Nothing was filed in that time.",
        prose=("missing", "extra"),
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
    )


def _after(item: JsonObject) -> Value:
    if item["ended"]:
        return "nothing"
    return "more" if item["unknown_after"] is None else Toned("unknown", Tone.DOUBTFUL)


def _numbers(count: int, ranges: Sequence[JsonObject]) -> Value:
    if not count:
        return "—"
    shown = [_range(each) for each in ranges[:RANGES_SHOWN_MAX]]
    more = ", …" if len(ranges) > RANGES_SHOWN_MAX else ""
    return Toned(f"{count}: {', '.join(shown)}{more}", Tone.BAD)


def _range(numbers: JsonObject) -> str:
    first, last = numbers["first"], numbers["last"]
    return str(first) if first == last else f"{first}-{last}"


def _verdict(items: Sequence[JsonObject]) -> str:
    missing, extra = (sum(item[name] for item in items) for name in ("missing", "extra"))
    if not missing and not extra:
        return "Each known number of each run is there once." if items else ""
    late = sum(item["missing"] for item in items if not item["caught_up"])
    doubt = f" {late} of the missing may yet come: it is behind." if late else ""
    return f"The log is not whole: {missing} missing, {extra} extra.{doubt}"
