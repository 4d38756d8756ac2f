"""`keyfold vendor apply`, `amend` and `reapply`: what a vendor says of itself."""

from __future__ import annotations

from typing import Annotated

import typer

from keyfold.cli.command import changing
from keyfold.cli.commands.parameters import VendorArgument
from keyfold.cli.commands.vendors.view import details_of
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Details
from keyfold.client.failure import WrongUsage
from keyfold.client.http import JsonObject
from keyfold.domain.permissions import Category
from keyfold.local.signing import vendor

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The vendor's name.")]
NameOption = Annotated[str, typer.Option("--name", help="The vendor's name.")]
Email = Annotated[str, typer.Option("--contact-email", help="Whom to write to.")]
Website = Annotated[str, typer.Option("--website", help="https://…")]
Use = Annotated[str, typer.Option("--intended-use", help="What the software does.")]
Categories = Annotated[list[Category], typer.Option("--category", help="Data it needs; may be repeated.")]
NewName = Annotated[str | None, typer.Option("--name", help="Another name.")]
NewEmail = Annotated[str | None, typer.Option("--contact-email", help="Whom to write to.")]
NewWebsite = Annotated[str | None, typer.Option("--website", help="https://…")]
NewUse = Annotated[str | None, typer.Option("--intended-use", help="What the software does.")]
NewCategories = Annotated[
    list[Category] | None, typer.Option("--category", help="All data it needs; may be repeated.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    changing(app, "apply")(_apply)
    changing(app, "amend")(_amend)
    changing(app, "reapply")(_reapply)


async def _apply(
    keyfold: Keyfold,
    name: NameArgument,
    contact_email: Email,
    website: Website,
    intended_use: Use,
    category: Categories,
) -> Details:
    """Apply to become a vendor (whoever has not applied yet; the contact is the token's subject)."""
    body = _body(name, contact_email, website, intended_use, category)
    applicant = vendor(None, sub=contact_email)
    return details_of(await keyfold.command("POST", "/v1/vendors", applicant, body))


async def _amend(
    keyfold: Keyfold,
    vendor_id: VendorArgument,
    name: NewName = None,
    contact_email: NewEmail = None,
    website: NewWebsite = None,
    intended_use: NewUse = None,
    category: NewCategories = None,
) -> Details:
    """Change an application (that vendor); its reviews start anew unless it was approved."""
    body = _body(name, contact_email, website, intended_use, category)
    if not body:
        raise WrongUsage("What is to change? Name at least one field.")
    return details_of(await keyfold.command("PATCH", f"/v1/vendors/{vendor_id}", vendor(vendor_id), body))


async def _reapply(
    keyfold: Keyfold,
    vendor_id: VendorArgument,
    name: NameOption,
    contact_email: Email,
    website: Website,
    intended_use: Use,
    category: Categories,
) -> Details:
    """Apply again after a rejection (that vendor); the reviews start anew."""
    body = _body(name, contact_email, website, intended_use, category)
    path = f"/v1/vendors/{vendor_id}/reapply"
    return details_of(await keyfold.command("POST", path, vendor(vendor_id), body))


def _body(
    name: str | None,
    contact_email: str | None,
    website: str | None,
    intended_use: str | None,
    categories: list[Category] | None,
) -> JsonObject:
    said = {
        "name": name,
        "contact_email": contact_email,
        "website": website,
        "intended_use": intended_use,
        "categories": [category.value for category in categories or []] or None,
    }
    return {field: value for field, value in said.items() if value is not None}
