"""Hosts, as far as their addresses tell them apart."""

from asyncio import BaseTransport
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

ANY_HOST: Final = "any"
"""Whoever has no address that tells hosts apart."""

_IPV6_HOST_BITS: Final = 64


def name_host(address: str | None) -> str:
    """Return the address that identifies a host: with IPv6, one host can call from a whole /64."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return ANY_HOST
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed), _IPV6_HOST_BITS), strict=False))


def name_peer(transport: BaseTransport) -> str:
    """Return what identifies the host at the other end of a connection."""
    address = transport.get_extra_info("peername")
    return name_host(address[0] if isinstance(address, tuple) else None)
