"""A notification wakes a waiter at once; a missed one is noticed when the wait times out."""

from __future__ import annotations

import asyncio

from keyfold.store.postgres.connection import open_connection
from keyfold.store.postgres.notifications import Notifications
from tests.support.eventually import eventually

CHANNEL = "keyfold_test"
NOTIFY = f"notify {CHANNEL}, '1'"
LONG_S = 30
END_SESSIONS = """
select pg_terminate_backend(pid) from pg_stat_activity
where application_name like 'keyfold listener %' and datname = current_database()
"""


async def test_heard(database: str) -> None:
    """A waiter wakes when something is notified, and otherwise when its time is up."""
    async with (
        open_connection(database, application_name="test") as connection,
        Notifications(database, CHANNEL) as notifications,
    ):
        assert await notifications.wait(LONG_S)  # its first connection: something may have been missed
        assert not await notifications.wait(0.01)
        waiting = asyncio.create_task(notifications.wait(LONG_S))
        await connection.execute(NOTIFY)
        assert await waiting
        assert not await notifications.wait(0.01)


async def test_heard_between_waits(database: str) -> None:
    """A notification that comes while nobody waits wakes the next waiter."""
    async with (
        open_connection(database, application_name="test") as connection,
        Notifications(database, CHANNEL) as notifications,
    ):
        await notifications.wait(LONG_S)
        await connection.execute(NOTIFY)
        assert await notifications.wait(LONG_S)


async def test_listens_again(database: str) -> None:
    """After its connection is lost, a waiter is told to look, and is notified again afterwards."""
    async with (
        open_connection(database, application_name="test") as connection,
        Notifications(database, CHANNEL) as notifications,
    ):
        await notifications.wait(LONG_S)
        await connection.execute(END_SESSIONS)
        await eventually(lambda: notifications.wait(0.05))
        waiting = asyncio.create_task(notifications.wait(LONG_S))
        await connection.execute(NOTIFY)
        assert await waiting


async def test_nobody_there() -> None:
    """Without a server, a wait takes the time it was given, and raises nothing."""
    async with Notifications("postgresql://nobody@127.0.0.1:1/nothing", CHANNEL) as notifications:
        assert not await notifications.wait(0.05)
