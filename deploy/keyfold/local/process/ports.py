"""Ports: finding free ones, claiming them, and whether somebody listens on one."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Final

HOST = "127.0.0.1"
# Below the range that Linux gives to outgoing connections: a free port stays free until it is used.
_RANGE: Final = range(20_000, 32_768)


_CLAIMS_MAX: Final = 128
_claims: Final[deque[int]] = deque()
"""File descriptors: unlike sockets, they cause no warning when the process ends."""


def free_ports(count: int) -> list[int]:
    """Return that many different ports that nobody uses, chosen at random.

    This process claims them until it ends or has chosen 128 more, so that no other Keyfold process is given
    one of them before somebody listens on it.
    """
    chosen = list(islice(claim_free_ports(), count))
    _claims.extend(claimed.detach() for _, claimed in chosen)
    while len(_claims) > _CLAIMS_MAX:
        os.close(_claims.popleft())
    return [port for port, _ in chosen]


def claim_free_ports() -> Iterator[tuple[int, socket.socket]]:
    """Yield ports that nobody uses, chosen at random, each with its claim."""
    for port in secrets.SystemRandom().sample(_RANGE, len(_RANGE)):
        if claimed := claim(port):
            yield port, claimed


def is_free(port: int) -> bool:
    """Tell whether nobody listens on the port."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, port))
        except OSError:
            return False
    return True


def claim(port: int) -> socket.socket | None:
    """Claim a port against all other stacks, for as long as the socket lives. Return None if it is taken.

    The claim is a name in Linux's abstract namespace. Like a port, it belongs to the network namespace, and
    the kernel releases it even after kill -9. A port is claimed long before anybody listens on it.
    """
    claimed = socket.socket(socket.AF_UNIX)
    try:
        claimed.bind(f"\0keyfold/{HOST}:{port}")
    except OSError:
        claimed.close()
        return None
    if is_free(port):
        return claimed
    claimed.close()
    return None


async def listens(port: int) -> bool:
    """Tell whether a connection to the port is accepted."""
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True
