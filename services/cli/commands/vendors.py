"""`keyfold vendor`: from an application through its reviews to an approved vendor, and back."""

from __future__ import annotations

from typing import Annotated

import typer

from libs.domain.permissions import Category
from libs.domain.vendor import ReviewKind, VendorState, Verdict
from services.cli.client import JsonObject
from services.cli.command import command
from services.cli.commands.parameters import Limit, VendorArgument
from services.cli.commands.vendor_keys import vendor_keys
from services.cli.keyfold import REVIEWER, Keyfold, vendor
from services.cli.screen import Details, Listing, when

vendors = typer.Typer(no_args_is_help=True, help="Third-party developers, their reviews and their keys.")
vendors.add_typer(vendor_keys, name="key")

Reason = Annotated[str, typer.Option("--reason", help="Why, for the history.")]


@command(vendors, "apply")
async def apply(
    keyfold: Keyfold,
    name: Annotated[str, typer.Argument(help="The vendor's name.")],
    contact_email: Annotated[str, typer.Option("--contact-email", help="Whom to write to.")],
    website: Annotated[str, typer.Option("--website", help="https://…")],
    intended_use: Annotated[str, typer.Option("--intended-use", help="What the software does.")],
    category: Annotated[list[Category], typer.Option("--category", help="Data it needs; may be repeated.")],
) -> Details:
    """Apply to become a vendor (a vendor who has not applied yet; the contact is the token's subject)."""
    body: JsonObject = {
        "name": name,
        "contact_email": contact_email,
        "website": website,
        "intended_use": intended_use,
        "categories": list(category),
    }
    applicant = vendor(None, sub=contact_email)
    return _shown(await keyfold.command("POST", "/v1/vendors", applicant, body))


@command(vendors, "list")
async def list_vendors(
    keyfold: Keyfold,
    state: Annotated[VendorState | None, typer.Option("--state", help="Only those in this state.")] = None,
    limit: Limit = 50,
) -> Listing:
    """List vendors, newest first (reviewer)."""
    pages = keyfold.items("/v1/vendors", REVIEWER, items_max=limit, query={"state": state})
    items = [item async for item in pages]
    return Listing(
        columns=("vendor", "name", "state", "website"),
        rows=[(item["vendor_id"], item["name"], item["state"], item["website"]) for item in items],
        items=items,
        empty="No vendor has applied.",
    )


@command(vendors, "show")
async def show(keyfold: Keyfold, vendor_id: VendorArgument) -> Details:
    """Show a vendor with its reviews (reviewer)."""
    return _shown(await keyfold.get(f"/v1/vendors/{vendor_id}", REVIEWER))


@command(vendors, "review")
async def review(
    keyfold: Keyfold,
    vendor_id: VendorArgument,
    kind: Annotated[ReviewKind, typer.Argument(help="What was looked at.")],
    verdict: Annotated[Verdict, typer.Argument(help="How it ended.")],
    notes: Annotated[str, typer.Option("--notes", help="For reviewers alone.")] = "",
) -> Details:
    """Record a review of a vendor (reviewer)."""
    body: JsonObject = {"kind": kind, "verdict": verdict, "notes": notes}
    return await _commanded(keyfold, vendor_id, "reviews", body)


@command(vendors, "approve")
async def approve(keyfold: Keyfold, vendor_id: VendorArgument) -> Details:
    """Let a vendor in, once both reviews have passed (reviewer)."""
    return await _commanded(keyfold, vendor_id, "approve", None)


@command(vendors, "reject")
async def reject(keyfold: Keyfold, vendor_id: VendorArgument, reason: Reason) -> Details:
    """Turn an application down (reviewer)."""
    return await _commanded(keyfold, vendor_id, "reject", {"reason": reason})


@command(vendors, "suspend")
async def suspend(keyfold: Keyfold, vendor_id: VendorArgument, reason: Reason) -> Details:
    """Stop all keys of a vendor until it is reinstated (reviewer)."""
    return await _commanded(keyfold, vendor_id, "suspend", {"reason": reason})


@command(vendors, "reinstate")
async def reinstate(keyfold: Keyfold, vendor_id: VendorArgument) -> Details:
    """Let a suspended vendor's keys work again (reviewer)."""
    return await _commanded(keyfold, vendor_id, "reinstate", None)


async def _commanded(keyfold: Keyfold, vendor_id: str, what: str, body: JsonObject | None) -> Details:
    return _shown(await keyfold.command("POST", f"/v1/vendors/{vendor_id}/{what}", REVIEWER, body))


def _shown(item: JsonObject) -> Details:
    reviews = {f"{each['kind']} review": _review(each) for each in item.get("reviews", [])}
    return Details(
        lines={
            "vendor": item["vendor_id"],
            "name": item["name"],
            "state": item["state"],
            "contact": item.get("contact_email", "—"),
            "website": item["website"],
            "use": item["intended_use"],
            "categories": ", ".join(item["categories"]),
            **reviews,
        },
        item=item,
    )


def _review(review: JsonObject) -> str:
    # Who reviewed it is for reviewers alone.
    by = f" by {review['reviewer']}" if "reviewer" in review else ""
    return f"{review['verdict']}{by}, {when(review['reviewed_at'])}"
