"""Connections to PostgreSQL: each has a name, bounds in time, and an empty search path."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg

from keyfold.store.postgres.errors import translate_connect_errors

Pool: TypeAlias = asyncpg.Pool
Connection: TypeAlias = asyncpg.Connection
PrepareConnection: TypeAlias = Callable[[Connection], Awaitable[None]]

CONNECT_TIMEOUT_S = 5.0
STATEMENT_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0

# A plan made while a table was small must not scan all of it once it is large.
_PLANNED_ONCE = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}


@asynccontextmanager
async def open_pool(
    dsn: str,
    *,
    application_name: str,
    size_max: int = 10,
    plans_once: bool = False,
    prepare: PrepareConnection | None = None,
    connect_now: bool = True,
) -> AsyncIterator[Pool]:
    """Yield a pool of connections, by default with one open. Raises DatabaseAway or DatabaseMisconfigured.

    The server ends a statement after `STATEMENT_TIMEOUT_S`, and we give it up a second later. With
    `plans_once` each session plans a statement once, by an index: for look-ups that cost less than planning.
    `prepare` is called with each new connection.
    """
    with translate_connect_errors():
        pool = await asyncpg.create_pool(
            dsn,
            min_size=0,  # with more, asyncpg logs a traceback a second while PostgreSQL is away
            max_size=size_max,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=STATEMENT_TIMEOUT_S + 1,
            server_settings=_settings(application_name, STATEMENT_TIMEOUT_S)
            | (_PLANNED_ONCE if plans_once else {}),
            init=prepare,
            reset=_keep_session,
        )
    try:
        if connect_now:
            with translate_connect_errors():
                async with pool.acquire():
                    pass
        yield pool
    finally:
        try:
            await asyncio.wait_for(pool.close(), CLOSE_TIMEOUT_S)
        except TimeoutError:  # somebody still holds a connection, which may be one that hangs
            pool.terminate()


async def _keep_session(_connection: Connection) -> None:
    """Do not reset a session that returns to the pool, which saves a round trip each time.

    What our statements leave in a session is meant to stay; asyncpg has rolled back an open transaction.
    """


@asynccontextmanager
async def open_connection(
    dsn: str, *, application_name: str, statement_timeout_s: float = STATEMENT_TIMEOUT_S
) -> AsyncIterator[Connection]:
    """Yield a connection for the caller alone, for what lives in a session. Raises what `connect` raises."""
    connection = await connect(
        dsn, application_name=application_name, statement_timeout_s=statement_timeout_s
    )
    try:
        yield connection
    finally:
        await close(connection)


async def connect(
    dsn: str, *, application_name: str, statement_timeout_s: float = STATEMENT_TIMEOUT_S
) -> Connection:
    """Return a connection that the caller closes. Raises DatabaseAway or DatabaseMisconfigured.

    A `statement_timeout_s` of 0 means no bound.
    """
    with translate_connect_errors():
        return await asyncpg.connect(
            dsn,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=statement_timeout_s + 1 if statement_timeout_s else None,
            server_settings=_settings(application_name, statement_timeout_s),
        )


async def close(connection: Connection) -> None:
    """Close the connection, or drop it when the server does not answer within CLOSE_TIMEOUT_S."""
    try:
        await connection.close(timeout=CLOSE_TIMEOUT_S)
    except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()


def _settings(application_name: str, statement_timeout_s: float) -> dict[str, str]:
    return {
        "application_name": f"keyfold {application_name}",
        "search_path": "",  # a statement that does not name its schema must fail in every environment
        "timezone": "UTC",
        "statement_timeout": str(int(statement_timeout_s * 1000)),
        # A transaction whose process froze would otherwise hold the ledger's head for ever.
        "idle_in_transaction_session_timeout": "10000",
        "jit": "off",  # compiling costs more than any of these statements
    }
