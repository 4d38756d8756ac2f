"""Listening on a port, whatever the protocol."""

import asyncio
import contextlib
import socket

import pytest

from keyfold.runtime.failure import StopProcess
from keyfold.runtime.http.listen import listen


class Echo(asyncio.Protocol):
    """Sends back what comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def test_connections_outlive_the_listening() -> None:
    """When listening ends, nobody new gets in, and those who are in may go on."""
    async with listen(Echo, "127.0.0.1", 0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"before")
        assert await reader.readexactly(6) == b"before"
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"after")
    assert await reader.readexactly(5) == b"after"
    writer.close()


async def test_who_has_connected_by_the_end_is_let_in() -> None:
    """Connections that the kernel has accepted and the process has not are served, not cut off."""
    with contextlib.ExitStack() as clients:
        async with listen(Echo, "127.0.0.1", 0) as port:
            connected = [
                clients.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(20)
            ]
            for each in connected:
                each.sendall(b"early")
        for each in connected:
            each.setblocking(False)
            assert await asyncio.get_running_loop().sock_recv(each, 5) == b"early"


async def test_a_port_that_is_taken_stops_the_process() -> None:
    """The operator is told which port is taken, unless processes share it on purpose."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(StopProcess, match=f"127.0.0.1:{port}"):
            async with listen(Echo, "127.0.0.1", port):
                raise AssertionError("it listens")
    async with (
        listen(Echo, "127.0.0.1", 0, reuse_port=True) as port,
        listen(Echo, "127.0.0.1", port, reuse_port=True) as same,
    ):
        assert same == port
