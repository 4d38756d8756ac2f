"""`keyfold key rotate` and `revoke`: how a secret, a key, or all keys of an account come to their end."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from keyfold.cli.command import changing
from keyfold.cli.commands.keys.view import details_of, details_with_secret, path_of
from keyfold.cli.commands.parameters import AccountId, KeyArgument, Overlap
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Details, Ending, Listing, Shown, Tone, Toned, when
from keyfold.cli.times import bounded_seconds
from keyfold.client.failure import WrongUsage
from keyfold.client.http import JsonObject
from keyfold.domain.lengths import OVERLAP_MAX_S
from keyfold.local.signing import owner

NOT_FOUND: Final = "not_found"
RESULTS: Final = {"revoked": Tone.GOOD, "already_revoked": Tone.ASIDE, NOT_FOUND: Tone.BAD}

KeyArguments = Annotated[list[str] | None, typer.Argument(metavar="KEY_ID...", help="key_…; one or more.")]
All = Annotated[bool, typer.Option("--all", help="Every key of the account that is not revoked yet.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    changing(app, "rotate")(_rotate)
    changing(app, "revoke")(_revoke)


async def _rotate(
    keyfold: Keyfold, key_id: KeyArgument, overlap: Overlap, account: AccountId = None
) -> Details:
    """Give a key a new secret, shown this once; the old one works on until the overlap ends."""
    body: JsonObject = {"overlap_s": bounded_seconds(overlap, "--overlap", 0, OVERLAP_MAX_S)}
    account_id = keyfold.account(account)
    path = f"{path_of(account_id, key_id)}/rotate"
    return details_with_secret(await keyfold.command("POST", path, owner(account_id), body))


async def _revoke(
    keyfold: Keyfold, key_ids: KeyArguments = None, account: AccountId = None, all_keys: All = False
) -> Shown:
    """Stop keys for ever: one, several at once, or all. The status is 1 if any of them was not found."""
    named = key_ids or []
    if bool(named) == all_keys:
        raise WrongUsage("Which keys? Name them, or say --all.")
    account_id = keyfold.account(account)
    if len(named) == 1:
        path = path_of(account_id, named[0])
        return details_of(await keyfold.command("DELETE", path, owner(account_id)))
    body: JsonObject = {"all": True} if all_keys else {"key_ids": named}
    path = f"/v1/accounts/{account_id}/keys/revoke"
    return _revocations(await keyfold.command("POST", path, owner(account_id), body))


def _revocations(answer: JsonObject) -> Listing:
    items = answer["items"]
    is_whole = all(item["result"] != NOT_FOUND for item in items)
    return Listing(
        columns=("key", "name", "result", "revoked"),
        rows=[
            (
                item["key_id"],
                item["name"] or "—",
                Toned(item["result"].replace("_", " "), RESULTS.get(item["result"], Tone.DOUBTFUL)),
                when(item["revoked_at"]),
            )
            for item in items
        ],
        items=items,
        prose=("name",),
        gives_way=("revoked",),
        item=answer,
        empty="The account has no key that is not revoked.",
        ending=Ending.DONE if is_whole else Ending.FAILED,
    )
