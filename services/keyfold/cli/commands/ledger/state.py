"""`keyfold state`: everything, or one thing, as it was at a position of the ledger or at a time."""

from __future__ import annotations

from typing import Annotated

import typer

from keyfold.cli.command import command
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Details
from keyfold.client.failure import CommandFailed, WrongUsage
from keyfold.runtime.clock import SYSTEM_CLOCK

At = Annotated[
    str,
    typer.Option("--at", help="A position, or a time such as 2026-01-31T12:00:00Z, yesterday or 2h (ago)."),
]
AccountId = Annotated[str | None, typer.Option("--account", help="Only this account.")]
VendorId = Annotated[str | None, typer.Option("--vendor", help="Only this vendor.")]
KeyId = Annotated[str | None, typer.Option("--key", help="Only this key, a vendor's or a subscriber's.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "state")(_state)


async def _state(
    keyfold: Keyfold, at: At, account: AccountId = None, vendor: VendorId = None, key: KeyId = None
) -> Details:
    """Show the state as it was, folded straight from PostgreSQL (operator; KEYFOLD_POSTGRES_DSN)."""
    # Imported here, as every other command would wait for the driver to load and has no use for it.
    from keyfold.cli.commands.ledger.past_state import fold, read_until
    from keyfold.cli.commands.ledger.past_state_view import one, whole
    from keyfold.domain.refusal import ImpossibleEvent
    from keyfold.store.postgres.errors import StoreFailure
    from keyfold.wire.events.codec import UnknownEvent

    kinds, wanted_id = _choose(account, vendor, key)
    until = read_until(at, SYSTEM_CLOCK.now())
    try:
        past = await fold(keyfold.database("ledger"), until)
    except (StoreFailure, UnknownEvent, ImpossibleEvent) as failure:
        raise CommandFailed(f"The ledger could not be folded: {failure}") from failure
    if wanted_id is None:
        return whole(past)
    found = one(past, kinds, wanted_id)
    if found is None:
        raise CommandFailed(f"There was no {' or '.join(kinds)} {wanted_id} at position {past.position}.")
    return found


def _choose(account: str | None, vendor: str | None, key: str | None) -> tuple[tuple[str, ...], str | None]:
    named = {("account",): account, ("vendor",): vendor, ("subscriber key", "vendor key"): key}
    given = [(kinds, wanted_id) for kinds, wanted_id in named.items() if wanted_id is not None]
    if len(given) > 1:
        raise WrongUsage("--account, --vendor and --key: say one of them.")
    return given[0] if given else ((), None)
