"""Networks that a key may be used from: CIDR blocks of IPv4 and IPv6, and the addresses within them."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
"""A block of addresses in its canonical form: no bit is set beyond its prefix (RFC 4632, RFC 4291)."""


def parse_network(text: str) -> Network:
    """Return the network that a CIDR text names. Raises ValueError, which says what would be right."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError("it is no network such as 203.0.113.0/24 or 2001:db8::/32") from None
    if "%" in text or (isinstance(network, IPv6Network) and network.network_address.ipv4_mapped):
        raise ValueError("a zone or an IPv4 address written as IPv6 never matches; write the plain network")
    if ip_address(text.partition("/")[0]) != network.network_address:
        raise ValueError(f"it sets bits beyond its prefix; the network is {network}")
    return network


def is_within(address: str | None, networks: Iterable[Network]) -> bool:
    """Tell whether an address lies in one of the networks; what is no address lies in none.

    An IPv4 address that a dual-stack socket wrote as IPv6 (`::ffff:192.0.2.1`) counts as what it is.
    """
    if address is None:
        return False
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks)
