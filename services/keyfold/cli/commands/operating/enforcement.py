"""`keyfold enforcement`: whether a position is in force everywhere, and which gatekeepers are behind."""

from __future__ import annotations

from typing import Annotated

import typer

from keyfold.cli.command import command
from keyfold.cli.keyfold import Keyfold, say_target
from keyfold.cli.screen import Ending, Listing, Tone, Toned, when
from keyfold.client.http import JsonObject
from keyfold.local.signing import OPERATOR

Position = Annotated[
    int | None, typer.Argument(metavar="[POSITION]", min=0, help="Else the ledger's last one.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "enforcement")(_enforcement)


async def _enforcement(keyfold: Keyfold, position: Position = None) -> Listing:
    """Show how far each gatekeeper is (operator); the exit status is 3 if it is not in force everywhere."""
    say_target(keyfold.endpoints.service_at("registry"))
    query = {} if position is None else {"position": str(position)}
    return listing(await keyfold.get("/v1/enforcement", OPERATOR, query=query))


def listing(answer: JsonObject) -> Listing:
    """Return what is shown of gatekeepers; the command ends unconfirmed unless the position is enforced."""
    items = answer["gatekeepers"]
    return Listing(
        columns=("gatekeeper", "host", "applied", "last heard", "lease until", "in the way"),
        rows=[
            (
                item["id"],
                item["host"],
                str(item["applied_position"]),
                when(item["renewed_at"]),
                "no lease" if item["lease_until"] is None else when(item["lease_until"]),
                Toned("yes", Tone.BAD) if item["in_the_way"] else "no",
            )
            for item in items
        ],
        items=items,
        empty="There is no gatekeeper.",
        gives_way=("lease until", "host", "last heard"),
        item=answer,
        note=_verdict(answer),
        ending=Ending.DONE if answer["enforced"] else Ending.UNCONFIRMED,
    )


def _verdict(answer: JsonObject) -> str:
    what = f"What was recorded up to position {answer['position']} is"
    return f"{what} in force everywhere." if answer["enforced"] else f"{what} not in force everywhere yet."
