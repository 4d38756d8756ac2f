"""`keyfold ledger republish` as an operator runs it, with the relay's login."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from keyfold.store.ledger.relay_offset import RelayOffset
from keyfold.store.postgres.connection import open_pool
from tests.support.store.logins import login_of


async def test_republish(database: str, tmp_path: Path) -> None:
    """It sets the relay's offset back and says what is published again; further on it moves nothing."""
    login = await login_of(database, "relay")
    parts = urlsplit(database)
    where = f"ledger of {parts.path[1:]} at {parts.hostname}:{parts.port} (KEYFOLD_POSTGRES_DSN)\n"
    async with open_pool(login, application_name="test") as pool:
        offset = RelayOffset(pool)
        await offset.advance(0, 7)
        for after, published, events, position in ((5, 7, 2, 5), (6, 5, 0, 5), (0, 5, 5, 0)):
            status, out, error = await _republish(tmp_path, login, "--after", str(after))
            assert (status, error) == (0, where)
            assert orjson.loads(out) == {"published_position": published, "after": after, "events": events}
            assert await offset.position() == position


async def test_republish_with_another_login(database: str, tmp_path: Path) -> None:
    """Nobody but the relay may set it back."""
    status, out, error = await _republish(tmp_path, await login_of(database, "audit"))
    assert (status, out) == (1, "")
    assert "The relay could not be told: " in error


async def _republish(directory: Path, dsn: str, *arguments: str) -> tuple[int | None, str, str]:
    """Run the command; return its status and what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KEYFOLD_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "keyfold.cli", "ledger", "republish", *arguments),
        cwd=directory,
        env={**environment, "KEYFOLD_POSTGRES_DSN": dsn},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate()
    return process.returncode, out.decode(), error.decode()
