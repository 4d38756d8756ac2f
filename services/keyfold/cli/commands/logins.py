"""`keyfold login`: who may sign in for an account or a vendor, and how to end that."""

from __future__ import annotations

from typing import Annotated

import typer

from keyfold.cli.command import changing, command
from keyfold.cli.commands.invitations import OfAccount, OfVendor
from keyfold.cli.commands.parameters import Limit
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Details, Listing, when
from keyfold.client.failure import WrongUsage
from keyfold.client.http import JsonObject
from keyfold.local.signing import OPERATOR

logins = typer.Typer(no_args_is_help=True, help="Logins: who signs in for an account or a vendor.")


@command(logins, "list")
async def list_logins(
    keyfold: Keyfold, account: OfAccount = None, vendor: OfVendor = None, limit: Limit = 50
) -> Listing:
    """List the logins that an invitation let in, or that applied (operator; `--as owner`, `--as vendor`)."""
    path = _path(keyfold, account, vendor)
    items = [item async for item in keyfold.items(path, OPERATOR, items_max=limit)]
    return Listing(
        columns=("login", "subject", "issuer", "since"),
        rows=[(item["login_id"], item["subject"], item["issuer"], when(item["bound_at"])) for item in items],
        items=items,
        empty="No login was let in: whoever signs in is named by the identity provider.",
        prose=("subject", "issuer"),
        gives_way=("issuer",),
    )


@changing(logins, "end")
async def end(
    keyfold: Keyfold,
    login_id: Annotated[str, typer.Argument(metavar="LOGIN_ID", help="log_…")],
    account: OfAccount = None,
    vendor: OfVendor = None,
) -> Details:
    """Shut a login out, at once (operator; `--as owner`, `--as vendor`: all but their last)."""
    path = f"{_path(keyfold, account, vendor)}/{login_id}"
    answer = await keyfold.command("DELETE", path, OPERATOR)
    return Details(lines=_lines(answer), item=answer)


def _path(keyfold: Keyfold, account: str | None, vendor: str | None) -> str:
    if account is not None and vendor is not None:
        raise WrongUsage("--account and --vendor: say one of them.")
    if vendor is not None:
        return f"/v1/vendors/{vendor}/logins"
    return f"/v1/accounts/{keyfold.account(account)}/logins"


def _lines(login: JsonObject) -> dict[str, str]:
    return {
        "login": login["login_id"],
        "of": login["account_id"] or login["vendor_id"],
        "state": "shut out" if login["ended_at"] else "let in",
        "since": when(login["ended_at"] or login["bound_at"]),
    }
