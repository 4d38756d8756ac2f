"""The address that the original request came from, as its gateway reports it, and what is kept of it."""

from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Final

from keyfold.gatekeeper.authz.request.headers import Fields
from keyfold.gatekeeper.gateways import GatewayKind
from keyfold.gatekeeper.settings import ClientIpKept

FORWARDED_FOR: Final = "x-forwarded-for"
REAL_IP: Final = "x-real-ip"
_TEXT_LENGTH_MAX: Final = 45  # the longest form of an IPv6 address
_PREFIX_LENGTHS: Final = {4: 24, 6: 48}


def client_address(kind: GatewayKind, fields: Fields) -> str | None:
    """Return the client's address, or None if the gateway reports none that can be trusted.

    `forwarded` gateways append the peer to `X-Forwarded-For`, so only its last entry is theirs; `original`
    ones set `X-Real-IP`.
    """
    if kind is GatewayKind.FORWARDED:
        forwarded = fields.get(FORWARDED_FOR, ())
        text = forwarded[-1] if forwarded else ""
        if "," in text:
            text = text.rpartition(",")[2].strip()
    else:
        real = fields.get(REAL_IP, ())
        text = real[0] if len(real) == 1 else ""
    return _canonical(text) if 0 < len(text) <= _TEXT_LENGTH_MAX else None


@lru_cache(maxsize=16_384)
def _canonical(text: str) -> str | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if not isinstance(address, IPv4Address):
        if address.scope_id is not None:
            return None  # a zone means nothing on another machine
        address = address.ipv4_mapped or address
    return str(address)


@lru_cache(maxsize=4096)
def reduce_address(address: str | None, kept: ClientIpKept) -> str | None:
    """Return the part of a client's address that a record keeps: all of it, its network, or nothing."""
    if address is None or kept == "full":
        return address
    if kept == "none":
        return None
    return str(ip_network((address, _PREFIX_LENGTHS[ip_address(address).version]), strict=False))
