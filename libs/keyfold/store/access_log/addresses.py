"""Clients' addresses as PostgreSQL takes and gives them: text here, an `inet` there, each worked out once."""

from functools import lru_cache
from ipaddress import ip_address, ip_interface
from typing import Final

from keyfold.store.postgres.connection import Connection

# PostgreSQL's names of the families, in what its `inet` is on the wire: family, bits, whether it is a `cidr`,
# how many bytes follow, and those.
_FAMILIES: Final = {4: 2, 6: 3}
_HEAD_BYTES: Final = 4
_KEPT: Final = 4096


async def as_text(connection: Connection) -> None:
    """Have a connection take and give addresses as text: the driver would make an object each time."""
    await connection.set_type_codec(
        "inet", schema="pg_catalog", encoder=packed, decoder=unpacked, format="binary"
    )


@lru_cache(_KEPT)
def packed(text: str) -> bytes:
    """Return an address, or one with the length of its network, as an `inet`. Raises ValueError."""
    address = ip_interface(text)
    head = (_FAMILIES[address.version], address.network.prefixlen, 0, len(address.packed))
    return bytes(head) + address.packed


@lru_cache(_KEPT)
def unpacked(inet: bytes) -> str:
    """Return the text of an `inet`: without the length of its network when that is one address alone."""
    address, bits = ip_address(inet[_HEAD_BYTES:]), inet[1]
    return str(address) if bits == address.max_prefixlen else f"{address}/{bits}"
