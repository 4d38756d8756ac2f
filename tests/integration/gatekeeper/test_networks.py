"""Keys that work only from their networks, by the address that an authenticated gateway reports."""

from __future__ import annotations

import pytest

from keyfold.domain.access.decision import Reason
from keyfold.domain.lifecycle.subscriber_key import SubscriberKeyNetworksChanged
from keyfold.domain.network import parse_network
from tests.support.gatekeeper.practice import ACCOUNT, KEY, NETWORKED_KEY, VENDOR_KEY, practice
from tests.support.gatekeeper.world import NGINX_TOKEN, Gatekeeper, World

KEYS = {"x-api-key": VENDOR_KEY.secret, "A-api-key": NETWORKED_KEY.secret}
TOLD = {"X-Original-Method": "GET", "X-Original-URI": "/v1/patient"}

FORWARDED = [
    ("203.0.113.9", True),
    ("192.0.2.1, 10.0.0.1,203.0.113.255", True),
    ("2001:db8:7::1", True),
    ("2001:DB8:7:ffff::1", True),
    ("::ffff:203.0.113.9", True),
    ("203.0.113.9, 198.51.100.7", False),
    ("203.0.114.0", False),
    ("2001:db8:8::1", False),
    ("::ffff:198.51.100.7", False),
    ("::203.0.113.9", False),
    ("203.0.113.9:443", False),
    ("203.0.113.9,", False),
    ("unknown", False),
    ("", False),
]


def reason(is_within: bool) -> Reason | None:
    """Return why a key is denied with these headers."""
    return None if is_within else Reason.NETWORK_NOT_ALLOWED


@pytest.mark.parametrize(("forwarded", "is_within"), FORWARDED)
async def test_forwarded(gatekeeper: Gatekeeper, forwarded: str, is_within: bool) -> None:
    """A `forwarded` gateway's own entry, the last, decides; a client's entries before it do not."""
    answer = await gatekeeper.ask("GET", "/v1/patient", {**KEYS, "X-Forwarded-For": forwarded})
    assert (answer.status, answer.reason) == (200 if is_within else 403, reason(is_within))


async def test_not_told(gatekeeper: Gatekeeper) -> None:
    """Without an address the key does not work, and another kind of gateway's header gives none."""
    for headers in ({}, {"X-Real-IP": "203.0.113.9"}, {"Forwarded": "for=203.0.113.9"}):
        answer = await gatekeeper.ask("GET", "/v1/patient", {**KEYS, **headers})
        assert answer.reason == Reason.NETWORK_NOT_ALLOWED


@pytest.mark.parametrize(
    ("headers", "is_within"),
    [
        ({"X-Real-IP": "203.0.113.9"}, True),
        ({"X-Real-IP": "2001:db8:7::1"}, True),
        ({"X-Real-IP": "::ffff:203.0.113.9"}, True),
        ({"X-Real-IP": "198.51.100.7", "X-Forwarded-For": "203.0.113.9"}, False),
        ({"X-Real-IP": "203.0.113.9, 203.0.113.9"}, False),
        ({"X-Forwarded-For": "203.0.113.9"}, False),
        ({}, False),
    ],
)
async def test_original(gatekeeper: Gatekeeper, headers: dict[str, str], is_within: bool) -> None:
    """Of an `original` gateway only X-Real-IP counts."""
    answer = await gatekeeper.ask("GET", "/v1/note", {**KEYS, **TOLD, **headers}, token=NGINX_TOKEN)
    assert answer.reason == reason(is_within)


async def test_two_real_addresses(gatekeeper: Gatekeeper) -> None:
    """One of two X-Real-IP headers is a client's: neither counts."""
    lines = [f"{name}: {value}" for name, value in {**KEYS, **TOLD, "X-Gateway-Token": NGINX_TOKEN}.items()]
    twice = ["X-Real-IP: 203.0.113.9", "X-Real-IP: 203.0.113.9", "Connection: close"]
    request = "\r\n".join(["GET /authz HTTP/1.1", "Host: keyfold", *lines, *twice, "", ""])
    answer = await gatekeeper.raw(request.encode())
    assert b"X-Keyfold-Reason: network_not_allowed" in answer


async def test_the_network_comes_before_what_the_key_may_do(gatekeeper: Gatekeeper) -> None:
    """A wrong network reveals nothing about permissions; other keys work from anywhere."""
    elsewhere = {"X-Forwarded-For": "198.51.100.7"}
    for path in ("/v1/note", "/v1/payroll", "/v1//patient"):
        assert (await gatekeeper.ask("GET", path, {**KEYS, **elsewhere})).reason == Reason.NETWORK_NOT_ALLOWED
    anywhere = {**KEYS, "A-api-key": KEY.secret, **elsewhere}
    assert (await gatekeeper.ask("GET", "/v1/patient", anywhere)).status == 200


@pytest.mark.parametrize("kept", ["none", "network"])
async def test_what_is_not_kept_is_checked(world: World, kept: str) -> None:
    """However little of an address is recorded, all of it is compared, also after networks change."""
    await world.append(*practice())
    await world.project()
    async with world.gatekeeper(CLIENT_IP=kept) as gatekeeper:

        async def refusal(address: str) -> str | None:
            headers = {**KEYS, "X-Forwarded-For": address}
            return (await gatekeeper.ask("GET", "/v1/patient", headers)).reason

        assert await refusal("203.0.113.9") is None
        assert await refusal("198.51.100.7") == Reason.NETWORK_NOT_ALLOWED
        one_host = SubscriberKeyNetworksChanged(
            key_id=NETWORKED_KEY.key_id, account_id=ACCOUNT, networks=(parse_network("198.51.100.7/32"),)
        )
        await gatekeeper.reaches(await world.record(one_host))
        assert await refusal("198.51.100.7") is None
        assert await refusal("198.51.100.8") == Reason.NETWORK_NOT_ALLOWED
        recorded = {record.client_ip for record in gatekeeper.journal()}
        assert recorded == ({None} if kept == "none" else {"203.0.113.0/24", "198.51.100.0/24"})
