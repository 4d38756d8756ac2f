"""`keyfold activity`: who touched what data, when, and what they were answered."""

from __future__ import annotations

import typer

from services.cli.client import JsonObject
from services.cli.command import bare, command
from services.cli.commands import activity_export, activity_summary, activity_tail
from services.cli.commands.activity_scope import (
    AccessFilter,
    CategoryFilter,
    DecisionFilter,
    KeyFilter,
    Names,
    ReasonFilter,
    Since,
    Until,
    VendorFilter,
    log_of,
    request_of,
)
from services.cli.commands.parameters import AccountId, Limit
from services.cli.keyfold import Keyfold
from services.cli.screen import Listing, when

activity = typer.Typer(help="Who touched what data, when, and what the answer was.")
for each in (activity_tail, activity_export, activity_summary):
    each.register(activity)


@bare(activity)
@command(activity, "list")
async def list_activity(
    keyfold: Keyfold,
    account: AccountId = None,
    key: KeyFilter = None,
    vendor_id: VendorFilter = None,
    category: CategoryFilter = None,
    access: AccessFilter = None,
    decision: DecisionFilter = None,
    reason: ReasonFilter = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
) -> Listing:
    """List an account's requests, newest first (owner; `--as vendor --vendor ven_…`: that vendor's own)."""
    log = log_of(
        keyfold,
        account,
        vendor_id,
        key_id=key,
        category=category,
        access=access,
        decision=decision,
        reason=reason,
        since=since,
        until=until,
    )
    pages = keyfold.items(log.path, log.who, service="audit", items_max=limit, query=log.query)
    items = [item async for item in pages]
    names = Names(keyfold, log.who)
    return Listing(
        columns=("when", "integration", "key", "data", "request", "answer"),
        rows=[_row(item, *(await names.of(item))) for item in items],
        items=items,
        empty="No request has been recorded.",
    )


def _row(item: JsonObject, vendor_name: str, key_name: str) -> tuple[str, ...]:
    category, access = item["category"], item["access"]
    return (
        when(item["at"]),
        vendor_name,
        key_name,
        f"{category} {access}" if category and access else "—",
        request_of(item),
        item["reason"] or item["decision"],
    )
