"""`keyfold account`: practices, and their one switch."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from keyfold.cli.command import changing, command
from keyfold.cli.commands.histories import history_of
from keyfold.cli.commands.invitations import ExpiresIn, create_invitation
from keyfold.cli.commands.parameters import Limit
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Chronicle, Details, yes_no
from keyfold.client.http import JsonObject
from keyfold.local.signing import OPERATOR, owner

accounts = typer.Typer(no_args_is_help=True, help="Practices, and their switch for API integrations.")

AccountArgument = Annotated[
    str | None, typer.Argument(metavar="[ACCOUNT_ID]", help="acc_…; else KEYFOLD_ACCOUNT or the sample.")
]


class Switch(StrEnum):
    """The switch's position."""

    ON = "on"
    OFF = "off"


@changing(accounts, "create")
async def create(
    keyfold: Keyfold, name: Annotated[str, typer.Argument(help="The practice's name.")]
) -> Details:
    """Open an account for a practice, with integrations off (operator)."""
    return _details_of(await keyfold.command("POST", "/v1/accounts", OPERATOR, {"name": name}))


@command(accounts, "show")
async def show(keyfold: Keyfold, account_id: AccountArgument = None) -> Details:
    """Show an account (owner)."""
    account = keyfold.account(account_id)
    return _details_of(await keyfold.get(f"/v1/accounts/{account}", owner(account)))


@changing(accounts, "integrations")
async def integrations(
    keyfold: Keyfold,
    switch: Annotated[Switch, typer.Argument(help="on or off.")],
    account_id: AccountArgument = None,
) -> Details:
    """Turn API integrations on or off; while off, every key of the account stops and none is lost (owner)."""
    account = keyfold.account(account_id)
    body: JsonObject = {"enabled": switch is Switch.ON}
    path = f"/v1/accounts/{account}/integrations"
    return _details_of(await keyfold.command("PUT", path, owner(account), body))


@changing(accounts, "invite")
async def invite(
    keyfold: Keyfold, account_id: AccountArgument = None, expires_in: ExpiresIn = "7d"
) -> Details:
    """Invite an owner of an account: the code binds one login, once (operator; `--as owner`)."""
    return await create_invitation(keyfold, {"account_id": keyfold.account(account_id)}, expires_in)


@command(accounts, "history")
async def history(keyfold: Keyfold, account_id: AccountArgument = None, limit: Limit = 50) -> Chronicle:
    """Show what happened to an account and its keys, newest first (owner)."""
    account = keyfold.account(account_id)
    return await history_of(keyfold, f"/v1/accounts/{account}", owner(account), limit)


def _details_of(account: JsonObject) -> Details:
    return Details(
        lines={
            "account": account["account_id"],
            "name": account["name"],
            "integrations": yes_no(account["integrations_enabled"]),
        },
        item=account,
    )
