"""`keyfold key unused`: which permissions a key could do without."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from keyfold.cli.command import command
from keyfold.cli.commands.keys.view import path_of
from keyfold.cli.commands.parameters import AccountId, KeyArgument
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Details, Tone, Toned, when
from keyfold.cli.times import days as whole_days
from keyfold.client.http import JsonObject
from keyfold.local.signing import owner

DAYS_MAX: Final = 90


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "unused")(_unused)


async def _unused(
    keyfold: Keyfold,
    key_id: KeyArgument,
    account: AccountId = None,
    days: Annotated[str, typer.Option("--days", help="How far back to look, at most 90d.")] = "30",
) -> Details:
    """Say which permissions a key has not used and could do without."""
    account_id = keyfold.account(account)
    path = f"{path_of(account_id, key_id)}/unused-permissions"
    answer = await keyfold.get(
        path, owner(account_id), query={"days": str(whole_days(days, "--days", DAYS_MAX))}
    )
    return Details(
        lines={
            "key": answer["key_id"],
            "since": when(answer["since"]),
            "as of": when(answer["as_of"]),
            "unused": Toned("unknown", Tone.DOUBTFUL)
            if answer["unused"] is None
            else ", ".join(answer["unused"]) or "none",
            **{each["category"]: _use(each) for each in answer["categories"]},
        },
        item=answer,
        note=answer["unknown_because"] or "",
    )


def _use(category: JsonObject) -> str:
    """Say a granted category: what was granted, and the most that was used of it."""
    used = {
        None: "it is unknown whether it was used",
        "none": "unused",
        "read": "read used",
        "write": "write used",
    }
    return f"{category['granted']}, {used[category['used']]}"
