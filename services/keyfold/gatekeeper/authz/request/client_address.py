"""The address that the original request came from, as its gateway reports it and as far as it is kept."""

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
    """Return the client's address, or None where the gateway tells none that can be believed.

    `forwarded` gateways append the peer to `X-Forwarded-For`, so that only its last entry is theirs;
    `original` ones set `X-Real-IP`.
    """
    if kind is GatewayKind.FORWARDED:
        forwarded = fields.get(FORWARDED_FOR, ())
        told = forwarded[-1] if forwarded else ""
        if "," in told:
            told = told.rpartition(",")[2].strip()
    else:
        real = fields.get(REAL_IP, ())
        told = real[0] if len(real) == 1 else ""
    return _canonical(told) if 0 < len(told) <= _TEXT_LENGTH_MAX else None


@lru_cache(maxsize=16_384)
def _canonical(text: str) -> str | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if not isinstance(address, IPv4Address):
        if address.scope_id is not None:
            return None  # a link's name means nothing on another machine
        address = address.ipv4_mapped or address
    return str(address)


@lru_cache(maxsize=4096)
def kept_of(address: str | None, kept: ClientIpKept) -> str | None:
    """Return what the record of a decision keeps of a client's address: all, its network, or nothing."""
    if address is None or kept == "full":
        return address
    if kept == "none":
        return None
    return str(ip_network((address, _PREFIX_LENGTHS[ip_address(address).version]), strict=False))
