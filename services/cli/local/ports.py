"""Ports that nobody uses, and whether somebody listens on one."""

from __future__ import annotations

import asyncio
import secrets
import socket
from itertools import islice
from typing import Final

HOST = "127.0.0.1"
# Below where Linux takes the ports of outgoing connections from: what is free now stays so until it is used.
_RANGE: Final = range(20_000, 32_768)


def free_ports(count: int) -> list[int]:
    """Return so many different ports that nobody uses."""
    shuffled = secrets.SystemRandom().sample(_RANGE, len(_RANGE))
    return list(islice(filter(_is_free, shuffled), count))


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, port))
        except OSError:
            return False
    return True


async def listens(port: int) -> bool:
    """Tell whether a connection to the port is accepted."""
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True
