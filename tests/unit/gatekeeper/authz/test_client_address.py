"""The client's address, as far as it can be believed and is kept."""

import pytest

from keyfold.gatekeeper.authz.request.client_address import client_address, reduce_address
from keyfold.gatekeeper.gateways import GatewayKind
from keyfold.gatekeeper.settings import ClientIpKept
from tests.support.gatekeeper.heart import fields_of


def read_kept(value: str, how: ClientIpKept = "full", header: str = "X-Forwarded-For") -> str | None:
    """Return what is kept of a header's value."""
    kind = GatewayKind.FORWARDED if header == "X-Forwarded-For" else GatewayKind.ORIGINAL
    return reduce_address(client_address(kind, fields_of((header, value))), how)


def test_only_the_gateways_own_entry_counts() -> None:
    """What a client writes into X-Forwarded-For stands before what its gateway appends."""
    assert read_kept("203.0.113.9, 198.51.100.7") == "198.51.100.7"


def test_of_two_headers_the_last_one_is_the_gateways() -> None:
    """A client's own copy of the header comes first."""
    headers = fields_of(("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "198.51.100.7"))
    assert client_address(GatewayKind.FORWARDED, headers) == "198.51.100.7"


def test_an_original_gateway_tells_by_x_real_ip() -> None:
    """A gateway of the kind `original` is believed in X-Real-IP alone."""
    assert read_kept("2001:db8::7", header="X-Real-IP") == "2001:db8::7"
    assert client_address(GatewayKind.ORIGINAL, fields_of(("X-Forwarded-For", "1.2.3.4"))) is None


@pytest.mark.parametrize(
    "text", ["", "unknown", "1.2.3", "1.2.3.4:80", "fe80::1%eth0", "\udcff", "9" * 200, "1.2.3.4 or 1=1"]
)
def test_what_is_no_address_is_not_kept(text: str) -> None:
    """Text that is no address is dropped, never stored."""
    assert read_kept(text) is None


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.7", "198.51.100.0/24"),
        ("2001:db8:1:2::7", "2001:db8:1::/48"),
        ("::ffff:198.51.100.7", "198.51.100.0/24"),
    ],
)
def test_a_network_may_be_kept_in_place_of_an_address(address: str, network: str) -> None:
    """`network` keeps /24 of IPv4, also where that is written as IPv6, and /48 of IPv6."""
    assert read_kept(address, "network") == network
    assert read_kept(address, "none") is None
