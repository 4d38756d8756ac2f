"""A role for each service: the part that belongs to the cluster, and so to no database's migrations.

Migrations grant what each role may do with the tables. But all databases of a cluster share the roles, and
neither a dump nor a template keeps what is granted on a database itself: so both are ensured whenever a
database is migrated.
"""

from typing import Any, Final

import asyncpg
import structlog

from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.postgres.connection import Connection, open_connection
from keyfold.store.postgres.errors import DatabaseMisconfigured, translate_errors
from keyfold.store.postgres.scram import SALT_BYTES, scram_verifier
from keyfold.store.postgres.statements import load_statements

REGISTRY: Final = "keyfold_registry"
RELAY: Final = "keyfold_relay"
PROJECTION: Final = "keyfold_projection"
GATEKEEPER: Final = "keyfold_gatekeeper"
AUDIT: Final = "keyfold_audit"

ROLES: Final = (REGISTRY, RELAY, PROJECTION, GATEKEEPER, AUDIT)
_OWNERS: Final = (PROJECTION, AUDIT)
# The projection makes and renames schemas; the audit service files through a temporary table.
_ON_DATABASE: Final = (*((role, "connect") for role in ROLES), (PROJECTION, "create"), (AUDIT, "temporary"))

_sql = load_statements("postgres/roles")

log = structlog.get_logger(__name__)


def role_of(service: str) -> str:
    """Return the name of the role that has exactly the privileges the service needs."""
    return f"keyfold_{service}"


async def prepare_roles(connection: Connection) -> None:
    """Ensure the roles, and their privileges on the database as a whole. Raises DatabaseMisconfigured."""
    await _make_roles(connection)
    await _join_owners(connection)
    await _grant_on_database(connection)


async def warn_of_owner(connection: Connection) -> None:
    """Log a warning if this login could rewrite the ledger: only the owner may, no service."""
    async for row in _sql.rights_to_rewrite(connection):
        if row["may_rewrite"]:
            log.warning("login_may_rewrite_ledger", login=row["login"], instead=f"a login in one of {ROLES}")


async def ensure_login(dsn: str, *, login: str, password: str, service: str) -> None:
    """Make a login with a service's rights, as the user of `dsn`, who must be allowed to.

    The server gets no password but its verifier, for it logs statements that fail, and all if told so.
    Raises DatabaseAway or DatabaseMisconfigured.
    """
    verifier = scram_verifier(password, SYSTEM_CLOCK.random_bytes(SALT_BYTES))
    async with open_connection(dsn, application_name="logins") as connection:
        with translate_errors():
            if not await _sql.login_exists(connection, login=login):
                await _run(connection, _sql.create_login_statement, login=login)
            await _run(connection, _sql.set_password_statement, login=login, verifier=verifier)
            await _run(connection, _sql.admit_statement, login=login, role=role_of(service))


async def _make_roles(connection: Connection) -> None:
    missing = [row["role"] async for row in _sql.missing_roles(connection, roles=ROLES)]
    for role in missing:
        try:
            await _run(connection, _sql.create_role_statement, role=role)
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            continue  # another database of this cluster was migrated at the same moment
        except asyncpg.InsufficientPrivilegeError as denied:
            raise DatabaseMisconfigured(
                f"the roles {', '.join(missing)} are missing, and this user may not create roles: "
                f"let one who may create each as nologin, and grant {' and '.join(_OWNERS)} to this user"
            ) from denied


async def _join_owners(connection: Connection) -> None:
    """Join the roles that own tables: migrations make those tables theirs, and may change them later."""
    for role in [row["role"] async for row in _sql.not_ours(connection, roles=_OWNERS)]:
        try:
            await _run(connection, _sql.join_role_statement, role=role)
        except asyncpg.InsufficientPrivilegeError as denied:
            raise DatabaseMisconfigured(
                f"this user is no member of {role}: let one who may say `grant {role} to` it"
            ) from denied


async def _grant_on_database(connection: Connection) -> None:
    roles, privileges = zip(*_ON_DATABASE, strict=True)
    missing = _sql.missing_on_database(connection, roles=roles, privileges=privileges)
    for role, privilege in [tuple(row) async for row in missing]:
        try:
            await _run(connection, _sql.grant_on_database_statement, role=role, privilege=privilege)
        except asyncpg.InsufficientPrivilegeError as denied:
            raise DatabaseMisconfigured(
                f"{role} needs {privilege} on this database, and this user may not grant that: let its owner"
            ) from denied


async def _run(connection: Connection, statement: Any, **names: str) -> None:
    await connection.execute(await statement(connection, **names))
