"""A decision on a key that works from named networks alone."""

import pytest
from msgspec import structs
from msgspec.structs import replace

from keyfold.domain.access.decision import Reason
from keyfold.domain.network import parse_network
from tests.support.domain.deciding import ALLOWED, REQUEST, decide_with
from tests.support.domain.given import KEY


@pytest.mark.parametrize(
    ("client_ip", "reason"),
    [
        ("203.0.113.7", None),
        ("::ffff:203.0.113.7", None),
        ("2001:db8::7", None),
        ("203.0.114.7", Reason.NETWORK_NOT_ALLOWED),
        ("unknown", Reason.NETWORK_NOT_ALLOWED),
        (None, Reason.NETWORK_NOT_ALLOWED),
    ],
)
def test_a_key_with_networks_works_from_them_alone(client_ip: str | None, reason: Reason | None) -> None:
    """Who is elsewhere, or nobody knows where, is denied and attributed; without a list anybody passes."""
    key = replace(KEY, networks=(parse_network("203.0.113.0/24"), parse_network("2001:db8::/32")))
    request = structs.replace(REQUEST, client_ip=client_ip)
    assert decide_with(request, key=key) == structs.replace(ALLOWED, reason=reason)
    assert decide_with(request) == ALLOWED
    assert decide_with(request, key=replace(KEY, networks=())).reason is Reason.NETWORK_NOT_ALLOWED
