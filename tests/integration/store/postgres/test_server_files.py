"""No service's login reaches a file of the database's server, or runs a program there."""

from __future__ import annotations

import asyncpg
import pytest

from keyfold.store.postgres.connection import open_connection
from tests.support.store.logins import login_of

SERVICES = ("registry", "relay", "projection", "gatekeeper", "audit")
ATTACKS = (
    "select pg_read_file('postgresql.conf')",
    "select pg_read_binary_file('/etc/hostname')",
    "select pg_ls_dir('.')",
    "select pg_ls_logdir()",
    "select lo_import('/etc/hostname')",
    "select lo_export(0, '/tmp/keyfold-was-here')",
    "copy (select 1) to '/tmp/keyfold-was-here'",
    "copy (select 1) to program 'true'",
    "do $$ begin create temporary table t (line text); copy t from program 'id'; end $$",
    "create extension file_fdw schema pg_catalog",
    "load '/tmp/keyfold.so'",
    "alter system set log_statement = 'all'",
    "set session authorization keyfold",
    "set role keyfold",
    "grant pg_read_server_files, pg_execute_server_program to current_user",
    "alter role current_user superuser",
    "select rolpassword from pg_authid",
)


@pytest.mark.parametrize("service", SERVICES)
async def test_attacks(database: str, service: str) -> None:
    """Each of these is refused for want of a right."""
    done = []
    async with open_connection(await login_of(database, service), application_name="test") as connection:
        for attack in ATTACKS:
            try:
                await connection.execute(attack)
                done.append(attack)
            except asyncpg.InsufficientPrivilegeError:
                continue
    assert done == []
