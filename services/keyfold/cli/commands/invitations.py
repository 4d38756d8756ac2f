"""`keyfold invitation`, and how `account` and `vendor` invite: a code lets somebody's login in."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from keyfold.cli.command import changing, command
from keyfold.cli.commands.parameters import Limit
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Details, Listing, Value, state_of, when
from keyfold.cli.times import bounded_seconds
from keyfold.client.failure import WrongUsage
from keyfold.client.http import JsonObject
from keyfold.domain.lengths import INVITATION_MAX_S, INVITATION_MIN_S
from keyfold.local.signing import OPERATOR

invitations = typer.Typer(
    no_args_is_help=True, help="Invitations: who may sign in for an account or a vendor."
)

OfAccount = Annotated[str | None, typer.Option("--account", help="Only this account's: acc_…")]
OfVendor = Annotated[str | None, typer.Option("--vendor", help="Only this vendor's: ven_…")]
ExpiresIn = Annotated[
    str,
    typer.Option(
        "--expires-in", metavar="LENGTH", help="How long it is open, such as 90s, 12h or 7d; at most 30d."
    ),
]
HAND_OVER: Final = "The code is not kept anywhere: hand it over now, to one person. It works once."


async def create_invitation(keyfold: Keyfold, tenant: JsonObject, expires_in: str) -> Details:
    """Make an invitation to an account or a vendor; return it with its code, which is shown only now."""
    open_s = bounded_seconds(expires_in, "--expires-in", INVITATION_MIN_S, INVITATION_MAX_S)
    body = {**tenant, "expires_in_s": open_s}
    answer = await keyfold.command("POST", "/v1/invitations", OPERATOR, body)
    lines = {**_lines(answer["invitation"]), "code": answer["code"]}
    return Details(lines=lines, item=answer, note=HAND_OVER)


@command(invitations, "list")
async def list_invitations(
    keyfold: Keyfold, account: OfAccount = None, vendor: OfVendor = None, limit: Limit = 50
) -> Listing:
    """List invitations, newest first (operator; `--as owner`, `--as vendor`: their own)."""
    if account is not None and vendor is not None:
        raise WrongUsage("--account and --vendor: say one of them.")
    query = {"account_id": account, "vendor_id": vendor}
    pages = keyfold.items("/v1/invitations", OPERATOR, items_max=limit, query=query)
    items = [item async for item in pages]
    return Listing(
        columns=("invitation", "to", "state", "made", "ends"),
        rows=[
            (
                item["invitation_id"],
                _to(item),
                state_of(item["state"]),
                when(item["made_at"]),
                when(item["expires_at"]),
            )
            for item in items
        ],
        items=items,
        empty="Nobody was invited.",
        gives_way=("made",),
    )


@changing(invitations, "withdraw")
async def withdraw(
    keyfold: Keyfold,
    invitation_id: Annotated[str, typer.Argument(metavar="INVITATION_ID", help="inv_…")],
) -> Details:
    """Withdraw an invitation: its code lets nobody in (operator; `--as owner`, `--as vendor`: their own)."""
    answer = await keyfold.command("DELETE", f"/v1/invitations/{invitation_id}", OPERATOR)
    return Details(lines=_lines(answer), item=answer)


def _lines(invitation: JsonObject) -> dict[str, Value]:
    return {
        "invitation": invitation["invitation_id"],
        "to": _to(invitation),
        "as": invitation["role"],
        "state": state_of(invitation["state"]),
        "ends": when(invitation["expires_at"]),
    }


def _to(invitation: JsonObject) -> str:
    return str(invitation["account_id"] or invitation["vendor_id"])
