"""`keyfold vendor key`: the keys that say who is asking."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.client import JsonObject
from services.cli.command import command
from services.cli.commands.parameters import KeyArgument, Limit
from services.cli.keyfold import REVIEWER, Keyfold
from services.cli.screen import Details, Listing, when

vendor_keys = typer.Typer(no_args_is_help=True, help="The keys that say who is asking.")

VendorId = Annotated[str, typer.Option("--vendor", help="ven_…")]


@command(vendor_keys, "issue")
async def issue(keyfold: Keyfold, vendor: VendorId) -> Details:
    """Issue a key to an approved vendor; its secret is shown this once (reviewer)."""
    answer = await keyfold.command("POST", f"/v1/vendors/{vendor}/keys", REVIEWER)
    return Details(
        lines={**_lines(answer["key"]), "secret": answer["secret"]},
        item=answer,
        note="The secret is not kept anywhere: hand it over now.",
    )


@command(vendor_keys, "list")
async def list_keys(keyfold: Keyfold, vendor: VendorId, limit: Limit = 50) -> Listing:
    """List a vendor's keys, newest first (reviewer)."""
    items = [item async for item in keyfold.items(f"/v1/vendors/{vendor}/keys", REVIEWER, items_max=limit)]
    return Listing(
        columns=("key", "state", "hint", "issued"),
        rows=[tuple(_lines(item).values()) for item in items],
        items=items,
        empty="The vendor has no key.",
    )


@command(vendor_keys, "revoke")
async def revoke(keyfold: Keyfold, key_id: KeyArgument, vendor: VendorId) -> Details:
    """Stop a vendor key for ever (reviewer)."""
    key = await keyfold.command("DELETE", f"/v1/vendors/{vendor}/keys/{key_id}", REVIEWER)
    return Details(lines=_lines(key), item=key)


def _lines(key: JsonObject) -> dict[str, str]:
    return {
        "key": key["key_id"],
        "state": key["state"],
        "hint": key["secret_hint"],
        "issued": when(key["created_at"]),
    }
