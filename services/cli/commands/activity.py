"""`keyfold activity`: who touched what data, when, and what they were answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from libs.domain.permissions import Category
from services.cli.client import JsonObject, ProblemAnswered
from services.cli.command import bare, command
from services.cli.commands.parameters import AccountId, Limit
from services.cli.failure import WrongUsage
from services.cli.keyfold import Keyfold, owner, vendor
from services.cli.local.signing import Claims
from services.cli.screen import Listing, when

activity = typer.Typer(help="Who touched what data, when, and what the answer was.")

KeyFilter = Annotated[str | None, typer.Option("--key", help="Only this key's.")]
VendorFilter = Annotated[str | None, typer.Option("--vendor", help="Only this vendor's.")]
CategoryFilter = Annotated[Category | None, typer.Option("--category", help="Only this kind of data.")]
DecisionFilter = Annotated[str | None, typer.Option("--decision", help="allow or deny.")]
ReasonFilter = Annotated[str | None, typer.Option("--reason", help="Only this reason of a denial.")]
Since = Annotated[str | None, typer.Option("--since", help="RFC 3339; at most 90 days ago.")]
Until = Annotated[str | None, typer.Option("--until", help="RFC 3339.")]


@bare(activity)
@command(activity, "list")
async def list_activity(
    keyfold: Keyfold,
    account: AccountId = None,
    key: KeyFilter = None,
    vendor_id: VendorFilter = None,
    category: CategoryFilter = None,
    decision: DecisionFilter = None,
    reason: ReasonFilter = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
) -> Listing:
    """List an account's requests, newest first (owner; `--as vendor --vendor ven_…`: that vendor's own)."""
    who, path = _log(keyfold, account, vendor_id)
    filters = {
        "key_id": key,
        "vendor_id": None if who.role == "vendor" else vendor_id,
        "category": category,
        "decision": decision,
        "reason": reason,
        "since": since,
        "until": until,
    }
    pages = keyfold.items(path, who, service="audit", items_max=limit, query=filters)
    items = [item async for item in pages]
    names = await _names(keyfold, who, items)
    return Listing(
        columns=("when", "integration", "key", "data", "request", "answer"),
        rows=[_row(item, names) for item in items],
        items=items,
        empty="No request has been recorded.",
    )


def _log(keyfold: Keyfold, account: str | None, vendor_id: str | None) -> tuple[Claims, str]:
    if keyfold.role != "vendor":
        account_id = keyfold.account(account)
        return owner(account_id), f"/v1/accounts/{account_id}/activity"
    if vendor_id is None:
        raise WrongUsage("Which vendor? Say --vendor ven_….")
    return vendor(vendor_id), f"/v1/vendors/{vendor_id}/activity"


async def _names(keyfold: Keyfold, who: Claims, items: Sequence[JsonObject]) -> Mapping[str, str]:
    """Return the names behind the ids of vendors and keys, without those that are not ours to read."""
    paths = {item["vendor_id"]: f"/v1/vendors/{item['vendor_id']}" for item in items}
    if who.account_id is not None:
        keys = f"/v1/accounts/{who.account_id}/keys"
        paths |= {item["key_id"]: f"{keys}/{item['key_id']}" for item in items}
    paths.pop(None, None)
    found = {}
    for name_id, path in paths.items():
        try:
            found[name_id] = str((await keyfold.get(path, who))["name"])
        except ProblemAnswered:
            continue
    return found


def _row(item: JsonObject, names: Mapping[str, str]) -> tuple[str, ...]:
    vendor_id, key_id = item["vendor_id"] or "—", item["key_id"] or "—"
    category, access = item["category"], item["access"]
    return (
        when(item["at"]),
        names.get(vendor_id, vendor_id),
        names.get(key_id, key_id),
        f"{category} {access}" if category and access else "—",
        f"{item['method']} {item['path']}",
        item["reason"] or item["decision"],
    )
