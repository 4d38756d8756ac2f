"""TLS in front of a PostgreSQL, as its protocol has it: the packaged server is built without.

Whoever does not ask for TLS first is cut off, so whatever comes through has come by it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keyfold.local.process.ports import HOST
from tests.support.certificates import Authority, Signed

SSL_REQUEST: Final = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


@dataclass(slots=True, kw_only=True)
class TlsFront:
    """Takes connections for a server on this machine; counts those that it took and those that it cut off."""

    behind: int
    context: ssl.SSLContext
    port: int = 0
    taken: int = 0
    cut_off: int = 0

    def address(self, dsn: str, authority: Path, *, more: str = "") -> str:
        """Return the server's address as one that trusts an authority uses it."""
        verified = f"sslmode=verify-full&sslrootcert={authority}{more}"
        return dsn.replace(f":{self.behind}/", f":{self.port}/").replace("sslmode=disable", verified)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        with suppress(OSError, asyncio.IncompleteReadError):
            if await reader.readexactly(len(SSL_REQUEST)) != SSL_REQUEST:
                self.cut_off += 1
            else:
                writer.write(b"S")
                await writer.start_tls(self.context)
                self.taken += 1
                behind, to_behind = await asyncio.open_connection(HOST, self.behind)
                await asyncio.gather(_pass_on(reader, to_behind), _pass_on(behind, writer))
        writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def tls_in_front(
    port: int, shown: Signed, *, authority: Authority | None = None
) -> AsyncIterator[TlsFront]:
    """Yield TLS in front of a port; with an authority, for those alone who show a certificate of it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(shown.certificate, shown.key)
    if authority is not None:
        context.load_verify_locations(authority.path)
        context.verify_mode = ssl.CERT_REQUIRED
    front = TlsFront(behind=port, context=context)
    server = await asyncio.start_server(front.take, HOST, 0)
    front.port = server.sockets[0].getsockname()[1]
    try:
        yield front
    finally:
        server.close()
        await server.wait_closed()
