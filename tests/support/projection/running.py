"""A projection that runs while a test watches, and the content of its tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from keyfold.projection.following import ProjectionLoop
from keyfold.store.postgres.connection import Connection, Pool

TABLES = ("accounts", "vendors", "keys", "progress")


@asynccontextmanager
async def running(following: ProjectionLoop) -> AsyncIterator[asyncio.Task[None]]:
    """Run a projection during the block; if it fails unnoticed, the test fails with it."""
    task = asyncio.create_task(following.run())
    try:
        yield task
    except AssertionError:
        if task.done():
            await task
        raise
    finally:
        if task.cancel():  # one that has ended keeps its exception, and the traceback that awaiting it takes
            with suppress(asyncio.CancelledError, Exception):
                await task


async def dump(pool: Pool, schema: str = "projection") -> bytes:
    """Return every byte of a generation, with its rows in the order of their first columns."""
    async with pool.acquire() as connection:
        tables = [await _table(connection, f"{schema}.{table}") for table in TABLES]
    return b"\n".join(tables)


async def _table(connection: Connection, table: str) -> bytes:
    chunks: list[bytes] = []

    async def collect(chunk: bytes) -> None:
        chunks.append(chunk)

    await connection.copy_from_query(f"select * from {table} order by 1", output=collect, format="binary")
    return b"".join(chunks)
