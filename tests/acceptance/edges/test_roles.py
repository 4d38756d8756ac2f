"""The stack's services use the database as in production: each with its own login."""

from __future__ import annotations

import stat

from keyfold.local.service_specs import SERVICES
from keyfold.store.postgres.connection import open_connection
from tests.support.stack.running import RunningStack

SESSIONS = """
select distinct usename::text as login from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and application_name like 'keyfold %'
"""


async def test_each_service_is_itself(stack: RunningStack) -> None:
    """Every service with database sessions uses its own login, and only the user can read the passwords."""
    async with open_connection(stack.record["postgres"], application_name="test") as connection:
        logins = {row["login"] for row in await connection.fetch(SESSIONS)}
    assert logins == {f"local_{spec.name}" for spec in SERVICES if spec.logs_in}
    kept = stack.state_dir / "postgres-logins.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
