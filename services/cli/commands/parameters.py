"""The options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from libs.domain.permissions import ACCESS_WORDS, CATEGORIES, AccessWord
from services.cli.failure import WrongUsage

AccountId = Annotated[
    str | None, typer.Option("--account", help="Account id (KEYFOLD_ACCOUNT; else the local stack's sample).")
]
VendorArgument = Annotated[str, typer.Argument(metavar="VENDOR_ID", help="ven_…")]
KeyArgument = Annotated[str, typer.Argument(metavar="KEY_ID", help="key_…")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many.")]
Permission = Annotated[
    list[str] | None,
    typer.Option("--permission", help="CATEGORY=ACCESS, such as appointment=write; may be repeated."),
]
PermittedVendors = Annotated[
    list[str] | None,
    typer.Option("--vendor", help="Only this vendor may use the key; may be repeated."),
]
Expiry = Annotated[str | None, typer.Option("--expires-at", help="RFC 3339, such as 2027-01-31T00:00:00Z.")]


def permissions_of(options: list[str] | None) -> dict[str, AccessWord]:
    """Read ``appointment=write`` options. Raises WrongUsage, naming what may be said instead."""
    permissions: dict[str, AccessWord] = {}
    for option in options or []:
        category, _, access = option.partition("=")
        if category not in CATEGORIES or access not in ACCESS_WORDS:
            raise WrongUsage(
                f"--permission {option}: it must be CATEGORY=ACCESS with one of {', '.join(CATEGORIES)} "
                f"and one of {', '.join(ACCESS_WORDS)}."
            )
        permissions[category] = access
    return permissions
