"""More shippers and audit services for the stack, which a test may do anything to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from keyfold.local.process.ports import HOST, free_ports
from tests.support.chaos.faults.lives import Lives, lives
from tests.support.chaos.stack import ChaosStack


@asynccontextmanager
async def shipper(stack: ChaosStack, root: Path, **settings: str) -> AsyncIterator[Lives]:
    """Yield the shipper of another host, whose journals are in that directory; it does not run yet."""
    [port] = free_ports(1)
    command = stack.command("shipper", port, JOURNAL_DIR=str(root), **settings)
    async with lives(replace(command, log_path=root.with_name(f"{root.name}-shipper.log"))) as service:
        yield service


@asynccontextmanager
async def audit(stack: ChaosStack, **settings: str) -> AsyncIterator[Lives]:
    """Yield an audit service in place of the stack's; it does not run yet."""
    async with (
        stack.without("audit"),
        lives(stack.command("audit", stack.ports["audit"], **settings)) as service,
    ):
        yield service


@asynccontextmanager
async def another_audit(stack: ChaosStack, log_path: Path) -> AsyncIterator[Lives]:
    """Yield an audit service beside all others; it does not run yet."""
    [port] = free_ports(1)
    async with lives(replace(stack.command("audit", port), log_path=log_path)) as service:
        yield service


def by_port(dsn: str, port: int) -> str:
    """Return a server's address with another port."""
    parts = urlsplit(dsn)
    return parts._replace(netloc=f"{parts.username}:{parts.password}@{HOST}:{port}").geturl()
