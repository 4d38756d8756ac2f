"""A PostgreSQL as a process, perhaps an ordinary user's: `python -m … STATE_DIR [UID]`, root's before that.

Its start and a second one are told in a line of JSON: the server's user, its capabilities, and its data.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from keyfold.local.servers.postgres import LocalPostgres
from tests.support.database import execute


def status_of(pid: int) -> Mapping[str, str]:
    """Return the kernel's status of a process, by name."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


async def _seen(server: LocalPostgres, statement: str) -> dict[str, Any]:
    await server.start()
    try:
        await execute(server.dsn, statement)
        status = status_of(server.child.pid)
        return {
            "uid": psutil.Process(server.child.pid).uids().real,
            "capabilities": int(status["CapPrm"], 16),
        }
    finally:
        await server.stop()


async def _main(state_dir: Path) -> None:
    server = LocalPostgres(state_dir, state_dir.with_suffix(".log"), durable=False)
    first = await _seen(server, "create table kept ()")
    second = await _seen(server, "select from kept")
    print(json.dumps([first, second]))


if __name__ == "__main__":
    os.umask(0o077)
    if len(sys.argv) > 2:
        uid = int(sys.argv[2])
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    asyncio.run(_main(Path(sys.argv[1])))
