"""`keyfold ledger republish`: the lifecycle topic filled again from the ledger, as far back as is asked."""

from __future__ import annotations

from typing import Annotated

import typer

from keyfold.cli.command import changing
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Details
from keyfold.client.failure import CommandFailed

After = Annotated[int, typer.Option("--after", min=0, help="Publish what comes after this position.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    changing(app, "republish")(_republish)


async def _republish(keyfold: Keyfold, after: After = 0) -> Details:
    """Have the relay publish the ledger again (KEYFOLD_POSTGRES_DSN); readers pass over what they have."""
    # Imported here, as every other command would wait for the driver to load and has no use for it.
    from keyfold.store.ledger.relay_offset import RelayOffset
    from keyfold.store.postgres.connection import open_pool
    from keyfold.store.postgres.errors import StoreFailure

    dsn = keyfold.database("ledger", "relay")
    try:
        async with open_pool(dsn, application_name="republish", size_max=1) as pool:
            published = await RelayOffset(pool).set_back(after)
    except StoreFailure as failure:
        raise CommandFailed(f"The relay could not be told: {failure}") from failure
    again = max(0, published - after)
    return Details(
        lines={"published until": str(published), "published again": f"{again} events after {after}"},
        item={"published_position": published, "after": after, "events": again},
        note="The relay publishes them as soon as it runs; readers and gatekeepers need no restart.",
    )
