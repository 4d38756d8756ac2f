"""`keyfold activity`: who accessed what data, when, and what the answer was."""

from __future__ import annotations

import typer

from keyfold.cli.command import bare, command
from keyfold.cli.commands.activity import (
    export,
    show,
    summary,
    tail,
)
from keyfold.cli.commands.activity.scope import (
    AccessFilter,
    CategoryFilter,
    DecisionFilter,
    KeyFilter,
    ReasonFilter,
    Since,
    Unattributed,
    Until,
    VendorFilter,
    asker_of,
    log_of,
    request_of,
)
from keyfold.cli.commands.parameters import AccountId, Limit
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Listing, Value, answer_of, when
from keyfold.client.http import JsonObject

activity = typer.Typer(help="Who accessed what data, when, and what the answer was.")
for each in (show, tail, export, summary):
    each.register(activity)


@bare(activity)
@command(activity, "list")
async def list_activity(
    keyfold: Keyfold,
    account: AccountId = None,
    key: KeyFilter = None,
    vendor_id: VendorFilter = None,
    unattributed: Unattributed = False,
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
        unattributed=unattributed,
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
    asker = asker_of(log)
    return Listing(
        columns=("when", *asker.columns, "data", "request", "answer", *asker.ids),
        rows=[(*_row(item, asker.of(item)), *asker.ids_of(item)) for item in items],
        items=items,
        empty="No request has been recorded.",
        prose=("integration", "key", "data", "request"),
        gives_way=(*asker.ids, "key", "gateway", "integration", "client", "data"),
    )


def _row(item: JsonObject, asker: tuple[str, ...]) -> tuple[Value, ...]:
    category, access = item["category"], item["access"]
    return (
        when(item["at"]),
        *asker,
        f"{category} {access}" if category and access else "—",
        request_of(item),
        answer_of(item),
    )
