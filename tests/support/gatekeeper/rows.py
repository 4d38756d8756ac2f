"""What gatekeepers tell the database of themselves."""

from __future__ import annotations

import asyncpg


async def read_rows(dsn: str) -> list[tuple[int, float | None]]:
    """Return the applied position and the lease's length of each gatekeeper's row."""
    connection = await asyncpg.connect(dsn)
    try:
        found = await connection.fetch("select applied_position, lease_s from ledger.gatekeepers")
        return [(row["applied_position"], row["lease_s"]) for row in found]
    finally:
        await connection.close()
