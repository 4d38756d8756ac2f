"""`keyfold shadow`: where a new route map would decide otherwise than the one in force."""

from __future__ import annotations

import typer

from keyfold.cli.command import command
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Listing, when
from keyfold.client.http import JsonObject
from keyfold.local.signing import OPERATOR


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "shadow")(_shadow)


async def _shadow(keyfold: Keyfold) -> Listing:
    """Show what the shadow route map of a gatekeeper would have decided otherwise (operator)."""
    return listing(await keyfold.get("/v1/shadow", OPERATOR, service="gatekeeper"))


def listing(answer: JsonObject) -> Listing:
    """Return what is shown of the differences."""
    return Listing(
        columns=("becomes", "method", "now", "then", "count", "last", "such as"),
        rows=[
            (
                item["becomes"].replace("_", " "),
                item["method"],
                _describe_target(item["old"]),
                _describe_target(item["new"]),
                str(item["count"]),
                when(item["last_at"]),
                ", ".join(item["examples"]),
            )
            for item in answer["items"]
        ],
        items=answer["items"],
        empty="The maps agree so far." if answer["running"] else "",
        prose=("becomes", "now", "then", "such as"),
        gives_way=("such as", "last", "count"),
        item=answer,
        note=_note(answer),
    )


def _describe_target(mapped: JsonObject) -> str:
    if mapped["line"] is None:
        return "ambiguous" if mapped.get("ambiguous") else "unmapped"
    what = "public" if mapped["category"] is None else f"{mapped['category']} {mapped['access']}"
    return f"{what} (line {mapped['line']}, {mapped['pattern']})"


def _note(answer: JsonObject) -> str:
    if answer["since"] is None:
        return "Shadow mode is off: set KEYFOLD_SHADOW_ROUTE_MAP for the gatekeeper."
    compared = f"{answer['compared']} decisions compared since {when(answer['since'])}"
    stopped = "" if answer["running"] else "; it has stopped on a fault, which the log tells"
    left_out = f"; {answer['not_kept']} differences found no room" if answer["not_kept"] else ""
    return f"{compared}{left_out}{stopped}."
