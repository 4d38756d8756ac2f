"""`keyfold ledger`: the source of truth, event by event."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from keyfold.cli.command import changing, command
from keyfold.cli.commands.ledger import republish, verify
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Details, Listing, when
from keyfold.local.signing import OPERATOR

CHECKPOINTS: Final = "/v1/ledger/checkpoints"
SEAL_KEY: Final = "/v1/ledger/seal-key"

ledger = typer.Typer(no_args_is_help=True, help="The append-only ledger of lifecycle events (operator).")


@command(ledger, "list")
async def list_events(
    keyfold: Keyfold,
    after: Annotated[int, typer.Option("--after", min=0, help="Start after this position.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="At most this many.")] = 50,
) -> Listing:
    """List events in order; --json also has their data and hashes."""
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
        gives_way=("by", "stream"),
    )


@changing(ledger, "checkpoint")
async def take_checkpoint(keyfold: Keyfold) -> Details:
    """Have the registry sign what the ledger is now."""
    taken = await keyfold.command("POST", CHECKPOINTS, OPERATOR)
    return Details(
        lines={
            "position": str(taken["position"]),
            "hash": taken["head_hash"],
            "at": when(taken["at"]),
            "signed by": taken["signing_key_id"],
        },
        item=taken,
    )


@command(ledger, "checkpoints")
async def list_checkpoints(
    keyfold: Keyfold,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most this many.")] = 50,
) -> Listing:
    """List the ledger's checkpoints, newest first; --json also has their signatures."""
    items = [each async for each in keyfold.items(CHECKPOINTS, OPERATOR, items_max=limit)]
    return Listing(
        columns=("position", "when", "signed by", "hash"),
        rows=[
            (str(item["position"]), when(item["at"]), item["signing_key_id"], item["head_hash"])
            for item in items
        ],
        items=items,
        empty="No checkpoint was taken yet: keyfold ledger checkpoint.",
        gives_way=("signed by",),
    )


@command(ledger, "seal-key")
async def show_seal_key(keyfold: Keyfold) -> Details:
    """Show the public key that proves the ledger's seals from here on."""
    found = await keyfold.get(SEAL_KEY, OPERATOR)
    return Details(lines={"public key": found["public_key"]}, item=found)


@changing(ledger, "rotate-seal-key")
async def rotate_seal_key(keyfold: Keyfold) -> Details:
    """Let the registry's next key (KEYFOLD_SEAL_KEY_NEXT) seal the ledger from here on."""
    adopted = await keyfold.command("POST", f"{SEAL_KEY}/rotate", OPERATOR)
    note = "Start each registry anew with this key as KEYFOLD_SEAL_KEY, and without the other."
    return Details(lines={"public key": adopted["public_key"]}, item=adopted, note=note)


verify.register(ledger)
republish.register(ledger)
