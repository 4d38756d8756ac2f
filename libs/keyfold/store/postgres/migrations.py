"""Migrations: SQL files applied forward, in order, once, by one process at a time.

The database's owner applies them; a service has no right to, and waits until they are applied. A database
that is newer than the code is fine: each migration leaves the code before it working.
"""

import logging
from pathlib import Path

from pogo_core.error import BadMigrationError
from pogo_core.util import migrate as pogo
from pogo_core.util import sql as pogo_sql

from keyfold.store.postgres.connection import Connection, Pool, open_connection
from keyfold.store.postgres.errors import (
    DatabaseAway,
    MigrationFailed,
    NotMigrated,
    to_failure,
    translate_errors,
)
from keyfold.store.postgres.roles import prepare_roles, warn_of_owner
from keyfold.store.postgres.statements import load_statements

_DIRECTORY = Path(__file__).parent / "migrations"
_HISTORY = "public"
_UNBOUNDED = 0.0

_sql = load_statements("postgres/migrations")

# pogo logs a warning for every migration that it applies.
logging.getLogger("pogo_core").setLevel(logging.ERROR)


async def migrate(dsn: str, *, directory: Path = _DIRECTORY) -> None:
    """Bring the database up to date; harmless when it is. Waits while another process does the same.

    Each migration is one transaction. Raises DatabaseAway, DatabaseMisconfigured or MigrationFailed.
    """
    async with open_connection(dsn, application_name="migrate", statement_timeout_s=_UNBOUNDED) as connection:
        with translate_errors():
            # The session holds the lock: it ends with the connection, even when this process dies.
            await _sql.lock_migrations(connection)
            await prepare_roles(connection)
            await _apply(connection, directory)


async def _apply(connection: Connection, directory: Path) -> None:
    try:
        await pogo.apply(connection, directory, schema_name=_HISTORY)
    except BadMigrationError as failure:
        cause = to_failure(failure.__cause__)
        if isinstance(cause, DatabaseAway):
            raise cause from failure
        raise MigrationFailed(f"{failure}: {failure.__cause__}") from failure


async def require_migrations(dsn: str) -> None:
    """Return if the database has every migration that this code knows, whatever else it has.

    Logs a warning about a login with an owner's rights: a service needs none of them.

    Raises NotMigrated, DatabaseAway or DatabaseMisconfigured.
    """
    async with open_connection(dsn, application_name="start") as connection:
        with translate_errors():
            pending = await _pending(connection)
            if not pending:
                await warn_of_owner(connection)
    if pending:
        raise NotMigrated(
            f"it lacks {', '.join(pending)}: run `keyfold migrate` with KEYFOLD_POSTGRES_DSN naming its owner"
        )


async def pending_migrations(pool: Pool) -> tuple[str, ...]:
    """Return the ids of the migrations that this code knows and the database lacks, in order.

    Raises NotMigrated, DatabaseAway or DatabaseMisconfigured.
    """
    with translate_errors():
        async with pool.acquire() as connection:
            return await _pending(connection)


async def _pending(connection: Connection) -> tuple[str, ...]:
    match await _sql.may_read_history(connection):
        case None:
            return _known()
        case False:
            raise NotMigrated(
                "this login may not see which migrations it has: run `keyfold migrate` with "
                "KEYFOLD_POSTGRES_DSN naming its owner, and grant this login the role of its service"
            )
    applied = await pogo_sql.get_applied_migrations(connection, schema_name=_HISTORY)
    return tuple(migration_id for migration_id in _known() if migration_id not in applied)


def _known() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _DIRECTORY.glob("*.sql")))
