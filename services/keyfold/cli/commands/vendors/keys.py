"""`keyfold vendor key`: the keys that say who is asking."""

from __future__ import annotations

from typing import Annotated

import typer

from keyfold.cli.command import changing, command
from keyfold.cli.commands.keys.view import HAND_OVER, last_refused_line, old_secret_line
from keyfold.cli.commands.parameters import KeyArgument, Limit, Overlap
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Details, Listing, Value, minute, state_of, when
from keyfold.cli.times import bounded_seconds
from keyfold.client.http import JsonObject
from keyfold.domain.lengths import OVERLAP_MAX_S
from keyfold.local.signing import REVIEWER

vendor_keys = typer.Typer(no_args_is_help=True, help="The keys that say who is asking.")

VendorId = Annotated[str, typer.Option("--vendor", help="ven_…")]


@changing(vendor_keys, "issue")
async def issue(keyfold: Keyfold, vendor: VendorId) -> Details:
    """Issue a key to an approved vendor; its secret is shown only now (reviewer)."""
    return _details_with_secret(await keyfold.command("POST", f"/v1/vendors/{vendor}/keys", REVIEWER))


@command(vendor_keys, "list")
async def list_keys(keyfold: Keyfold, vendor: VendorId, limit: Limit = 50) -> Listing:
    """List a vendor's keys, newest first (reviewer; `--as vendor`: that vendor)."""
    who = keyfold.for_vendor(vendor)
    items = [item async for item in keyfold.items(f"/v1/vendors/{vendor}/keys", who, items_max=limit)]
    return Listing(
        columns=("key", "state", "issued", "last used"),
        rows=[
            (
                item["key_id"],
                state_of(item["state"]),
                when(item["created_at"]),
                minute(item["last_used_at"]),
            )
            for item in items
        ],
        items=items,
        empty="The vendor has no key.",
    )


@changing(vendor_keys, "rotate")
async def rotate(keyfold: Keyfold, key_id: KeyArgument, vendor: VendorId, overlap: Overlap) -> Details:
    """Give a vendor key a new secret, shown only now; the old one works until the overlap ends.

    A reviewer does this, or with `--as vendor` that vendor.
    """
    path = f"/v1/vendors/{vendor}/keys/{key_id}/rotate"
    body = {"overlap_s": bounded_seconds(overlap, "--overlap", 0, OVERLAP_MAX_S)}
    return _details_with_secret(await keyfold.command("POST", path, keyfold.for_vendor(vendor), body))


@changing(vendor_keys, "revoke")
async def revoke(keyfold: Keyfold, key_id: KeyArgument, vendor: VendorId) -> Details:
    """Stop a vendor key for ever (reviewer; `--as vendor`: that vendor)."""
    who = keyfold.for_vendor(vendor)
    key = await keyfold.command("DELETE", f"/v1/vendors/{vendor}/keys/{key_id}", who)
    return Details(lines=_lines(key), item=key)


def _details_with_secret(answer: JsonObject) -> Details:
    lines = {**_lines(answer["key"]), "secret": answer["secret"]}
    return Details(lines=lines, item=answer, note=HAND_OVER)


def _lines(key: JsonObject) -> dict[str, Value]:
    return {
        "key": key["key_id"],
        "state": state_of(key["state"]),
        "hint": key["secret_hint"],
        **old_secret_line(key),
        "issued": when(key["created_at"]),
        **({} if key["revoked_at"] is None else {"revoked": when(key["revoked_at"])}),
        "last used": minute(key["last_used_at"]),
        **last_refused_line(key),
    }
