"""`keyfold activity show`: one decision in words, by the id in its answer."""

from __future__ import annotations

from typing import Annotated

import typer

from keyfold.cli.command import command
from keyfold.cli.commands.activity.scope import request_of
from keyfold.cli.commands.parameters import AccountId
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Details, answer_of, when
from keyfold.cli.screen.words import NONE
from keyfold.client.failure import WrongUsage
from keyfold.client.http import JsonObject
from keyfold.local.signing import OPERATOR, Claims, owner, vendor

DecisionId = Annotated[
    str, typer.Argument(metavar="ID", help="From X-Keyfold-Decision, or the problem's `instance`.")
]
Vendor = Annotated[str | None, typer.Option("--vendor", help="With --as vendor: which one asks.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "show")(show_decision)


async def show_decision(
    keyfold: Keyfold, decision_id: DecisionId, account: AccountId = None, vendor_id: Vendor = None
) -> Details:
    """Show one decision: who asked for what, the answer, why, and what would change it and who can (owner;
    `--as vendor --vendor ven_…`: that vendor's own; `--as operator`: any)."""
    who = _asker(keyfold, account, vendor_id)
    return details(await keyfold.get(f"/v1/decisions/{decision_id}", who, service="audit"))


def _asker(keyfold: Keyfold, account: str | None, vendor_id: str | None) -> Claims:
    if keyfold.role == "operator":
        return OPERATOR
    if keyfold.role != "vendor":
        return owner(keyfold.account(account))
    if vendor_id is None:
        raise WrongUsage("Which vendor? Say --vendor ven_….")
    return vendor(vendor_id)


def details(item: JsonObject) -> Details:
    """Return what is shown of a decision."""
    category, access, explained = item["category"], item["access"], item["explanation"]
    lines = {
        "when": when(item["at"]),
        "integration": _name_with_id(item["vendor_name"], item["vendor_id"]),
        "key": _name_with_id(item["key_name"], item["key_id"]),
        "account": item["account_id"] or NONE,
        "data": f"{category} {access}" if category and access else NONE,
        "request": request_of(item),
        "from": f"{item['client_ip'] or NONE} by {item['gateway']}",
        "position": str(item["position"]),
        "answer": answer_of(item),
        "why": explained["sentence"],
    }
    if explained["remedy"] is not None:
        lines |= {"to change": explained["remedy"], "by": explained["by"]}
    return Details(lines=lines, item=item)


def _name_with_id(name: str | None, name_id: str | None) -> str:
    return f"{name} ({name_id})" if name and name_id else name_id or NONE
