"""`keyfold token`: a bearer token of the local stack, alone on its line."""

from __future__ import annotations

from typing import Annotated

import typer

from keyfold.cli.command import command
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Line
from keyfold.cli.times import bounded_seconds
from keyfold.client.failure import CommandFailed, WrongUsage
from keyfold.local.signing import Claims, LocalSigner
from keyfold.runtime.auth.caller import Role
from keyfold.runtime.clock import SYSTEM_CLOCK

TTL_S_MAX = 365 * 24 * 3600


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "token")(_token)


async def _token(
    keyfold: Keyfold,
    role: Annotated[Role | None, typer.Option("--role", help="Whom the token speaks for.")] = None,
    no_role: Annotated[
        bool,
        typer.Option("--no-role", help="Name no role: somebody who has an invitation, or was let in by one."),
    ] = False,
    account: Annotated[str | None, typer.Option("--account", help="The owner's account id.")] = None,
    vendor: Annotated[str | None, typer.Option("--vendor", help="The vendor's id; none to apply.")] = None,
    sub: Annotated[str | None, typer.Option("--sub", help="The actor that events name.")] = None,
    ttl: Annotated[
        str,
        typer.Option(
            "--ttl", "--ttl-s", metavar="LENGTH", help="How long it is valid, such as 90s, 12h or 7d."
        ),
    ] = "1h",
) -> Line:
    """Print a bearer token signed with the local stack's own key; it is valid for that stack alone."""
    if keyfold.endpoints.state_dir is None:
        raise CommandFailed("Tokens are signed for a running local stack only: start one with `keyfold up`.")
    if (role is None) != no_role:
        raise WrongUsage("Whom does it speak for? Say --role, or --no-role for a token that names none.")
    if account is not None and role is not Role.OWNER:
        raise WrongUsage("--account belongs to --role owner.")
    if vendor is not None and role is not Role.VENDOR:
        raise WrongUsage("--vendor belongs to --role vendor.")
    ttl_s = bounded_seconds(ttl, "--ttl", 1, TTL_S_MAX)
    claims = Claims(
        role=role,
        sub=sub or f"local-{role or 'login'}",
        account_id=keyfold.account(account) if role is Role.OWNER else None,
        vendor_id=vendor,
    )
    signer = LocalSigner(keyfold.endpoints.state_dir)
    return Line(signer.sign(claims, now=SYSTEM_CLOCK.now(), ttl_s=ttl_s))
