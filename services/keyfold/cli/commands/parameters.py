"""The options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from keyfold.cli.times import UNITS_S, bounded_seconds
from keyfold.client.failure import WrongUsage
from keyfold.client.http import JsonObject
from keyfold.domain.permissions import ACCESS_WORDS, CATEGORIES, AccessWord
from keyfold.domain.rate_limit import PER_S_MAX, RateLimit

AccountId = Annotated[
    str | None, typer.Option("--account", help="Account id (KEYFOLD_ACCOUNT; else the local stack's sample).")
]
VendorArgument = Annotated[str, typer.Argument(metavar="VENDOR_ID", help="ven_…")]
KeyArgument = Annotated[str, typer.Argument(metavar="KEY_ID", help="key_…")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most this many.")]
Permission = Annotated[
    list[str] | None,
    typer.Option("--permission", help="CATEGORY=ACCESS, such as appointment=write; may be repeated."),
]
PermittedVendors = Annotated[
    list[str] | None,
    typer.Option("--vendor", help="Only this vendor may use the key; may be repeated."),
]
Networks = Annotated[
    list[str] | None,
    typer.Option("--network", help="CIDR the key works from, such as 192.0.2.0/24; may be repeated."),
]
RateLimitOption = Annotated[
    str | None,
    typer.Option(
        "--rate-limit",
        help="REQUESTS/LENGTH[:BURST], such as 100/60, 100/1m or 100/60:200.",
    ),
]
Overlap = Annotated[
    str,
    typer.Option(
        "--overlap",
        metavar="LENGTH",
        help="How long the old secret goes on working: 0s to 7d, such as 90s, 30m, 12h, 7d or 3600.",
    ),
]
Expiry = Annotated[
    str | None,
    typer.Option("--expires", "--expires-at", metavar="TIME", help="Such as 2027-01-31, tomorrow or 90d."),
]


def permissions_of(options: list[str] | None) -> dict[str, AccessWord]:
    """Return the permissions of ``appointment=write`` options. Raises WrongUsage, with what is right."""
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


def rate_limit_of(option: str | None) -> JsonObject | None:
    """Return the limit of ``100/60`` or ``100/60:200``. Raises WrongUsage, which says what is right."""
    if option is None:
        return None
    try:
        requests, slash, period = option.partition("/")
        length, colon, burst = period.partition(":")
        is_length = length.isdecimal() or length[-1:] in UNITS_S
        per_s = bounded_seconds(length, "--rate-limit", 1, PER_S_MAX) if is_length else length
        limit = RateLimit.parse(f"{requests}{slash}{per_s}{colon}{burst}")
    except ValueError as wrong:
        raise WrongUsage(f"--rate-limit {option}: {wrong}.") from None
    return {"requests": limit.requests, "per_s": limit.per_s, "burst": limit.burst}
