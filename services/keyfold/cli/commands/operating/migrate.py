"""`keyfold migrate`: bring the database's schema and the services' roles up to this version of the code."""

from __future__ import annotations

import typer

from keyfold.cli.command import command
from keyfold.cli.keyfold import Keyfold
from keyfold.cli.screen import Line
from keyfold.client.failure import CommandFailed


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "migrate")(_migrate)


async def _migrate(keyfold: Keyfold) -> Line:
    """Bring the database up to date; harmless when it is (KEYFOLD_POSTGRES_DSN, its owner's address)."""
    # Imported here, as every other command would wait for the driver to load and has no use for it.
    from keyfold.store.postgres.errors import StoreFailure
    from keyfold.store.postgres.migrations import migrate

    try:
        await migrate(keyfold.database("migrations"))
    except StoreFailure as failure:
        raise CommandFailed(f"The database was not migrated: {failure}") from failure
    return Line(f"The database is up to date: {keyfold.endpoints.database_at()}.")
