"""`keyfold vendor`: from an application through its reviews to an approved vendor, and back."""

from __future__ import annotations

from typing import Annotated

import typer

from keyfold.cli.command import changing, command
from keyfold.cli.commands.histories import history_of
from keyfold.cli.commands.invitations import ExpiresIn, create_invitation
from keyfold.cli.commands.parameters import Limit, VendorArgument
from keyfold.cli.commands.vendors import applications
from keyfold.cli.commands.vendors.keys import vendor_keys
from keyfold.cli.commands.vendors.view import details_of
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Chronicle, Details, Listing, state_of
from keyfold.client.http import JsonObject
from keyfold.domain.lifecycle.vendor import ReviewKind, VendorState, Verdict
from keyfold.local.signing import REVIEWER

vendors = typer.Typer(no_args_is_help=True, help="Third-party developers, their reviews and their keys.")
vendors.add_typer(vendor_keys, name="key")

Reason = Annotated[str, typer.Option("--reason", help="Why: the vendor reads it.")]


@command(vendors, "list")
async def list_vendors(
    keyfold: Keyfold,
    state: Annotated[VendorState | None, typer.Option("--state", help="Only those in this state.")] = None,
    limit: Limit = 50,
) -> Listing:
    """List vendors, newest first (reviewer)."""
    query = {"state": None if state is None else state.value}
    pages = keyfold.items("/v1/vendors", REVIEWER, items_max=limit, query=query)
    items = [item async for item in pages]
    return Listing(
        columns=("vendor", "name", "state", "website"),
        rows=[(item["vendor_id"], item["name"], state_of(item["state"]), item["website"]) for item in items],
        items=items,
        empty="No vendor has applied.",
        prose=("name", "website"),
        gives_way=("website",),
    )


@command(vendors, "show")
async def show(keyfold: Keyfold, vendor_id: VendorArgument) -> Details:
    """Show a vendor with its reviews (reviewer; `--as vendor`: that vendor; `--as owner`: what is public)."""
    return details_of(await keyfold.get(f"/v1/vendors/{vendor_id}", keyfold.for_vendor(vendor_id)))


@changing(vendors, "invite")
async def invite(keyfold: Keyfold, vendor_id: VendorArgument, expires_in: ExpiresIn = "7d") -> Details:
    """Invite somebody of a vendor: the code binds one login, once (operator; `--as vendor`)."""
    return await create_invitation(keyfold, {"vendor_id": vendor_id}, expires_in)


@command(vendors, "history")
async def history(keyfold: Keyfold, vendor_id: VendorArgument, limit: Limit = 50) -> Chronicle:
    """Show what happened to a vendor and its keys, newest first (reviewer; `--as vendor`: that vendor)."""
    who = keyfold.for_vendor(vendor_id)
    return await history_of(keyfold, f"/v1/vendors/{vendor_id}", who, limit)


@changing(vendors, "review")
async def review(
    keyfold: Keyfold,
    vendor_id: VendorArgument,
    kind: Annotated[ReviewKind, typer.Argument(help="What was reviewed.")],
    verdict: Annotated[Verdict, typer.Argument(help="The result.")],
    notes: Annotated[str, typer.Option("--notes", help="Only reviewers see them.")] = "",
) -> Details:
    """Record a review of a vendor (reviewer)."""
    body: JsonObject = {"kind": kind, "verdict": verdict, "notes": notes}
    return await _post(keyfold, vendor_id, "reviews", body)


@changing(vendors, "approve")
async def approve(keyfold: Keyfold, vendor_id: VendorArgument) -> Details:
    """Let a vendor in, once both reviews have passed (reviewer)."""
    return await _post(keyfold, vendor_id, "approve", None)


@changing(vendors, "reject")
async def reject(keyfold: Keyfold, vendor_id: VendorArgument, reason: Reason) -> Details:
    """Turn an application down (reviewer)."""
    return await _post(keyfold, vendor_id, "reject", {"reason": reason})


@changing(vendors, "suspend")
async def suspend(keyfold: Keyfold, vendor_id: VendorArgument, reason: Reason) -> Details:
    """Stop all keys of a vendor until it is reinstated (reviewer)."""
    return await _post(keyfold, vendor_id, "suspend", {"reason": reason})


@changing(vendors, "reinstate")
async def reinstate(keyfold: Keyfold, vendor_id: VendorArgument) -> Details:
    """Let a suspended vendor's keys work again (reviewer)."""
    return await _post(keyfold, vendor_id, "reinstate", None)


async def _post(keyfold: Keyfold, vendor_id: str, what: str, body: JsonObject | None) -> Details:
    answer = await keyfold.command("POST", f"/v1/vendors/{vendor_id}/{what}", REVIEWER, body)
    return details_of(answer)


applications.register(vendors)
