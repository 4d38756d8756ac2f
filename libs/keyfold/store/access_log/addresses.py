"""Clients' addresses, text here and `inet` in PostgreSQL, each converted once and remembered."""

from functools import lru_cache
from ipaddress import ip_address, ip_interface
from typing import Final

from keyfold.store.postgres.connection import Connection

# PostgreSQL's numbers of the address families. An `inet` on the wire holds the family, bits, whether it is a
# `cidr`, how many bytes follow, and those bytes.
_FAMILIES: Final = {4: 2, 6: 3}
_HEAD_BYTES: Final = 4
_CACHE_SIZE: Final = 4096


async def use_text_codec(connection: Connection) -> None:
    """Make a connection take and return addresses as text: the driver would build an object each time."""
    await connection.set_type_codec(
        "inet", schema="pg_catalog", encoder=pack, decoder=unpack, format="binary"
    )


@lru_cache(_CACHE_SIZE)
def pack(text: str) -> bytes:
    """Return an address, or a network, as an `inet`. Raises ValueError for any other text."""
    address = ip_interface(text)
    head = (_FAMILIES[address.version], address.network.prefixlen, 0, len(address.packed))
    return bytes(head) + address.packed


@lru_cache(_CACHE_SIZE)
def unpack(inet: bytes) -> str:
    """Return the text of an `inet`: the prefix length is left out when it is a single address."""
    address, bits = ip_address(inet[_HEAD_BYTES:]), inet[1]
    return str(address) if bits == address.max_prefixlen else f"{address}/{bits}"
