"""A crowd: many connections to one port, from one address of this machine or from many."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from tests.support.eventually import WITHIN_S

HOST: Final = "127.0.0.1"
_HOSTS: Final = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Open connections, in the order in which they came."""

    connections: list[socket.socket]

    def count_open(self) -> int:
        """Return how many of them the server has not closed."""
        return sum(map(_is_open, self.connections))

    def send(self, content: bytes) -> None:
        """Send the same bytes on all of them."""
        for each in self.connections:
            with suppress(OSError):
                each.send(content)


def _is_open(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


@contextmanager
def crowd_of(count: int, port: int, *, many_hosts: bool = False) -> Iterator[Crowd]:
    """Hold so many connections to a port, which say nothing; from many addresses, or all from one."""
    with ExitStack() as held:
        connections = []
        for number in range(count):
            connection = held.enter_context(socket.socket())
            if many_hosts:
                connection.bind((f"127.0.1.{1 + number % _HOSTS}", 0))
            connection.settimeout(WITHIN_S)
            connection.connect((HOST, port))
            connection.setblocking(False)
            connections.append(connection)
        yield Crowd(connections=connections)


@asynccontextmanager
async def connect_crowd(count: int, port: int, *, many_hosts: bool = False) -> AsyncIterator[Crowd]:
    """The same, to a server in this process's own loop, which goes on while the crowd connects."""
    with ExitStack() as held:
        crowd = crowd_of(count, port, many_hosts=many_hosts)
        yield await asyncio.to_thread(held.enter_context, crowd)
