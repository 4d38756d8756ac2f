"""PostgreSQL over TLS: every kind of connection goes by it, and a server that proves nothing is refused."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from keyfold.cli import app
from keyfold.local.servers.postgres import LocalPostgres
from keyfold.runtime.settings.addresses import check_dsn
from keyfold.store.postgres.connection import open_connection, open_pool
from keyfold.store.postgres.errors import DatabaseMisconfigured, StoreFailure
from keyfold.store.postgres.leadership import LeaderLock, Leadership
from keyfold.store.postgres.migrations import require_migrations
from keyfold.store.postgres.notifications import Notifications
from tests.support.certificates import Authority
from tests.support.postgres_over_tls import tls_in_front


async def test_every_connection_goes_by_it(
    postgres_server: LocalPostgres, database: str, tmp_path: Path
) -> None:
    """A command, a pool and COPY, a listener and a leader's lock need no other way to connect."""
    authority = Authority(tmp_path)
    async with tls_in_front(postgres_server.port, authority.sign("server")) as front:
        dsn = check_dsn(front.address(database, authority.path))
        migrated = await asyncio.to_thread(
            CliRunner().invoke, app, ["migrate"], env={"KEYFOLD_POSTGRES_DSN": dsn}
        )
        assert migrated.exit_code == 0, migrated.output
        await require_migrations(dsn)
        led = asyncio.Event()

        async def lead() -> None:
            led.set()
            await asyncio.Event().wait()

        async with (
            open_pool(dsn, application_name="pool") as pool,
            Notifications(dsn, "keyfold_test"),
            asyncio.timeout(20),
        ):
            leading = asyncio.create_task(Leadership(dsn, LeaderLock.RELAY).run(lead))
            await led.wait()
            await pool.execute("create table public.copied (number integer)")
            await pool.copy_records_to_table(
                "copied", schema_name="public", records=[(number,) for number in range(10)]
            )
            with pytest.raises(TimeoutError):
                await pool.execute("select pg_sleep(60)", timeout=0.1)  # a cancellation connects too
            leading.cancel()
            await asyncio.gather(leading, return_exceptions=True)
        assert front.taken >= 5
        assert front.cut_off == 0


async def test_a_certificate_is_shown(postgres_server: LocalPostgres, database: str, tmp_path: Path) -> None:
    """A server that asks for a certificate gets the one that the address names, and lets nobody else in."""
    authority = Authority(tmp_path)
    own = authority.sign("registry")
    async with tls_in_front(postgres_server.port, authority.sign("server"), authority=authority) as front:
        shown = front.address(database, authority.path, more=f"&sslcert={own.certificate}&sslkey={own.key}")
        async with open_connection(check_dsn(shown), application_name="test") as connection:
            assert await connection.fetchval("select 1") == 1
        with pytest.raises(StoreFailure):
            await require_migrations(front.address(database, authority.path))


@pytest.mark.parametrize("wrong", ["authority", "time", "name"])
async def test_a_stranger_is_not_spoken_to(
    postgres_server: LocalPostgres, database: str, tmp_path: Path, wrong: str
) -> None:
    """A server that somebody else vouches for, or nobody any more, is told from one that is away."""
    authority, yesterday = Authority(tmp_path), datetime.now(UTC) - timedelta(days=1)
    own = authority.sign(
        "server",
        valid_until=yesterday if wrong == "time" else None,
        address="127.0.0.2" if wrong == "name" else "127.0.0.1",
    )
    trusted = Authority(tmp_path, "stranger") if wrong == "authority" else authority
    async with tls_in_front(postgres_server.port, own) as front:
        dsn = front.address(database, trusted.path)
        with pytest.raises(DatabaseMisconfigured, match="the server's certificate is not good"):
            await require_migrations(dsn)
