"""`keyfold key`: subscriber keys, which say whose data and how much of it."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.client import JsonObject
from services.cli.command import command
from services.cli.commands.parameters import (
    AccountId,
    Expiry,
    KeyArgument,
    Limit,
    Permission,
    PermittedVendors,
    permissions_of,
)
from services.cli.failure import WrongUsage
from services.cli.keyfold import Keyfold, owner
from services.cli.screen import Details, Listing, when

keys = typer.Typer(no_args_is_help=True, help="Subscriber keys: whose data, and how much of it (owner).")


@command(keys, "create")
async def create(
    keyfold: Keyfold,
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    account: AccountId = None,
    permission: Permission = None,
    vendor: PermittedVendors = None,
    expires_at: Expiry = None,
) -> Details:
    """Create a key; categories that are not named get none. Its secret is shown this once."""
    body: JsonObject = {"name": name, "permissions": permissions_of(permission)}
    if vendor:
        body["vendor_ids"] = vendor
    if expires_at is not None:
        body["expires_at"] = expires_at
    account_id = keyfold.account(account)
    answer = await keyfold.command("POST", f"/v1/accounts/{account_id}/keys", owner(account_id), body)
    return Details(
        lines={**_lines(answer["key"]), "secret": answer["secret"]},
        item=answer,
        note="The secret is not kept anywhere: hand it over now.",
    )


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
            (item["key_id"], item["name"], item["state"], _granted(item), when(item.get("last_used_at")))
            for item in items
        ],
        items=items,
        empty="The account has no key.",
    )


@command(keys, "show")
async def show(keyfold: Keyfold, key_id: KeyArgument, account: AccountId = None) -> Details:
    """Show a key."""
    account_id = keyfold.account(account)
    key = await keyfold.get(_path(account_id, key_id), owner(account_id))
    return Details(lines=_lines(key), item=key)


@command(keys, "edit")
async def edit(
    keyfold: Keyfold,
    key_id: KeyArgument,
    account: AccountId = None,
    name: Annotated[str | None, typer.Option("--name", help="Another name.")] = None,
    permission: Permission = None,
    vendor: PermittedVendors = None,
    any_vendor: Annotated[bool, typer.Option("--any-vendor", help="Any approved vendor may use it.")] = False,
    expires_at: Expiry = None,
    never_expires: Annotated[bool, typer.Option("--never-expires", help="It has no expiry.")] = False,
) -> Details:
    """Change what is named and leave the rest; of the permissions too."""
    if (vendor and any_vendor) or (expires_at is not None and never_expires):
        raise WrongUsage("--any-vendor excludes --vendor, and --never-expires excludes --expires-at.")
    body: JsonObject = {}
    if name is not None:
        body["name"] = name
    if permission:
        body["permissions"] = permissions_of(permission)
    if vendor or any_vendor:
        body["vendor_ids"] = vendor or None
    if expires_at is not None or never_expires:
        body["expires_at"] = expires_at
    account_id = keyfold.account(account)
    key = await keyfold.command("PATCH", _path(account_id, key_id), owner(account_id), body)
    return Details(lines=_lines(key), item=key)


@command(keys, "revoke")
async def revoke(keyfold: Keyfold, key_id: KeyArgument, account: AccountId = None) -> Details:
    """Stop a key for ever."""
    account_id = keyfold.account(account)
    key = await keyfold.command("DELETE", _path(account_id, key_id), owner(account_id))
    return Details(lines=_lines(key), item=key)


def _path(account_id: str, key_id: str) -> str:
    return f"/v1/accounts/{account_id}/keys/{key_id}"


def _lines(key: JsonObject) -> dict[str, str]:
    vendor_ids = key.get("vendor_ids")
    return {
        "key": key["key_id"],
        "name": key["name"],
        "state": key["state"],
        "permissions": _granted(key),
        "vendors": "any approved" if vendor_ids is None else ", ".join(vendor_ids),
        "expires": when(key.get("expires_at")),
        "hint": key["secret_hint"],
        "created": when(key.get("created_at")),
        "last used": when(key.get("last_used_at")),
    }


def _granted(key: JsonObject) -> str:
    permissions: dict[str, str] = key.get("permissions") or {}
    named = [f"{category} {access}" for category, access in permissions.items() if access != "none"]
    return ", ".join(named) or "none"
