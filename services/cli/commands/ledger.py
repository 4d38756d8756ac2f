"""`keyfold ledger`: the source of truth, event by event."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.command import command
from services.cli.keyfold import OPERATOR, Keyfold
from services.cli.screen import Listing, when

ledger = typer.Typer(no_args_is_help=True, help="The append-only ledger of lifecycle events (operator).")


@command(ledger, "list")
async def list_events(
    keyfold: Keyfold,
    after: Annotated[int, typer.Option("--after", min=0, help="Start behind this position.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="At most so many.")] = 50,
) -> Listing:
    """List events in their order; with --json also what each says, and its hash."""
    query = {"after": str(after), "limit": str(limit)}
    items = (await keyfold.get("/v1/ledger", OPERATOR, query=query))["items"]
    return Listing(
        columns=("position", "when", "event", "stream", "by"),
        rows=[
            (
                str(item["position"]),
                when(item["recorded_at"]),
                item["type"].removeprefix("keyfold."),
                item["stream"],
                f"{item['actor']['role']}:{item['actor']['subject']}",
            )
            for item in items
        ],
        items=items,
        empty=f"The ledger has nothing behind position {after}.",
    )
