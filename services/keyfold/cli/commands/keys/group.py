"""`keyfold key`: subscriber keys, which say whose data and how much of it."""

from __future__ import annotations

from typing import Annotated

import typer

from keyfold.cli.command import changing, command
from keyfold.cli.commands.histories import history_of
from keyfold.cli.commands.keys import can, endings, unused_permissions
from keyfold.cli.commands.keys.view import details_of, details_with_secret, format_grants, path_of
from keyfold.cli.commands.parameters import (
    AccountId,
    Expiry,
    KeyArgument,
    Limit,
    Networks,
    Permission,
    PermittedVendors,
    RateLimitOption,
    permissions_of,
    rate_limit_of,
)
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Chronicle, Details, Listing, minute, state_of
from keyfold.cli.times import ahead
from keyfold.client.failure import WrongUsage
from keyfold.client.http import JsonObject
from keyfold.local.signing import owner
from keyfold.runtime.clock import SYSTEM_CLOCK

keys = typer.Typer(no_args_is_help=True, help="Subscriber keys: whose data, and how much of it (owner).")


@changing(keys, "create")
async def create(
    keyfold: Keyfold,
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    account: AccountId = None,
    permission: Permission = None,
    vendor: PermittedVendors = None,
    network: Networks = None,
    rate_limit: RateLimitOption = None,
    expires: Expiry = None,
) -> Details:
    """Create a key; categories that are not named get none. Its secret is shown this once."""
    body: JsonObject = {"name": name, "permissions": permissions_of(permission)}
    restrictions = {
        "vendor_ids": vendor,
        "networks": network,
        "rate_limit": rate_limit_of(rate_limit),
        "expires_at": ahead(expires, "--expires", SYSTEM_CLOCK.now()),
    }
    body |= {field: value for field, value in restrictions.items() if value}
    account_id = keyfold.account(account)
    answer = await keyfold.command("POST", f"/v1/accounts/{account_id}/keys", owner(account_id), body)
    return details_with_secret(answer)


@command(keys, "list")
async def list_keys(
    keyfold: Keyfold,
    account: AccountId = None,
    state: Annotated[str | None, typer.Option("--state", help="active, expired or revoked.")] = None,
    limit: Limit = 50,
) -> Listing:
    """List an account's keys, newest first."""
    account_id = keyfold.account(account)
    pages = keyfold.items(
        f"/v1/accounts/{account_id}/keys", owner(account_id), items_max=limit, query={"state": state}
    )
    items = [item async for item in pages]
    return Listing(
        columns=("key", "name", "state", "permissions", "last used"),
        rows=[
            (
                item["key_id"],
                item["name"],
                state_of(item["state"]),
                format_grants(item),
                minute(item["last_used_at"]),
            )
            for item in items
        ],
        items=items,
        empty="The account has no key.",
        prose=("name", "permissions"),
        gives_way=("last used", "permissions"),
    )


@command(keys, "show")
async def show(keyfold: Keyfold, key_id: KeyArgument, account: AccountId = None) -> Details:
    """Show a key."""
    account_id = keyfold.account(account)
    return details_of(await keyfold.get(path_of(account_id, key_id), owner(account_id)))


@changing(keys, "edit")
async def edit(
    keyfold: Keyfold,
    key_id: KeyArgument,
    account: AccountId = None,
    name: Annotated[str | None, typer.Option("--name", help="Another name.")] = None,
    permission: Permission = None,
    vendor: PermittedVendors = None,
    any_vendor: Annotated[bool, typer.Option("--any-vendor", help="Any approved vendor may use it.")] = False,
    network: Networks = None,
    any_network: Annotated[bool, typer.Option("--any-network", help="It works from anywhere.")] = False,
    rate_limit: RateLimitOption = None,
    no_rate_limit: Annotated[
        bool,
        typer.Option("--no-rate-limit", help="It has no limit of its own; the platform's default holds."),
    ] = False,
    expires: Expiry = None,
    never_expires: Annotated[bool, typer.Option("--never-expires", help="It has no expiry.")] = False,
) -> Details:
    """Change what is named and leave the rest; of the permissions too."""
    body: JsonObject = {
        **_changed("name", name, "", lifted=False),
        **({"permissions": permissions_of(permission)} if permission else {}),
        **_changed("vendor_ids", vendor, "--any-vendor excludes --vendor", lifted=any_vendor),
        **_changed("networks", network, "--any-network excludes --network", lifted=any_network),
        **_changed(
            "rate_limit",
            rate_limit_of(rate_limit),
            "--no-rate-limit excludes --rate-limit",
            lifted=no_rate_limit,
        ),
        **_changed(
            "expires_at",
            ahead(expires, "--expires", SYSTEM_CLOCK.now()),
            "--never-expires excludes --expires",
            lifted=never_expires,
        ),
    }
    account_id = keyfold.account(account)
    return details_of(await keyfold.command("PATCH", path_of(account_id, key_id), owner(account_id), body))


@command(keys, "history")
async def history(
    keyfold: Keyfold, key_id: KeyArgument, account: AccountId = None, limit: Limit = 50
) -> Chronicle:
    """Show what happened to a key, newest first: who did it, when, and what it changed."""
    account_id = keyfold.account(account)
    path = path_of(account_id, key_id)
    return await history_of(keyfold, path, owner(account_id), limit, names_keys=False)


def _changed(
    field: str, value: str | list[str] | JsonObject | None, exclusion: str, *, lifted: bool
) -> JsonObject:
    """Return the field as it is to be, nothing where it stays. Raises WrongUsage."""
    if lifted and value:
        raise WrongUsage(f"{exclusion}: say one of them.")
    return {field: None} if lifted else {} if value is None else {field: value}


endings.register(keys)
unused_permissions.register(keys)
can.register(keys)
