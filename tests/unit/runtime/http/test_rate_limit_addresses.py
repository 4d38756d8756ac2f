"""Which addresses' bad tokens are counted together, and how many counters strangers can make."""

from ipaddress import ip_address

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.http import RateLimits, Refused
from tests.support.runtime.serving import until


@pytest.fixture(autouse=True)
async def _within_a_minute() -> None:
    """Begin where the clock's minute, with which the library's window ends, does not end during the test."""
    await until(lambda: SYSTEM_CLOCK.now().second < 56)


async def is_counted(limits: RateLimits, address: str, asked: web.Request | None = None) -> bool:
    """Tell whether a bad token from that address is within the limit."""
    asked = asked or make_mocked_request("GET", "/thing")
    try:
        await limits.turn_away(asked.clone(remote=address))
    except Refused as refused:
        assert refused.problem.status == 429
        return False
    return True


@pytest.mark.parametrize(
    ("one", "another", "are_one"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "a socket of this machine", True),
    ],
)
async def test_addresses(one: str, another: str, are_one: bool) -> None:
    """Bad tokens are counted by host: an IPv4 address however it is written, or an IPv6 /64."""
    limits = RateLimits(commands_max=0, failures_max=1)
    assert await is_counted(limits, one)
    assert await is_counted(limits, another) is not are_one


async def test_very_many_addresses() -> None:
    """However many addresses send bad tokens, only some thousand have their own counter."""
    limits, asked = RateLimits(commands_max=0, failures_max=1), make_mocked_request("GET", "/thing")
    for number in range(4096):
        assert await is_counted(limits, str(ip_address("198.18.0.0") + number), asked)
    assert [await is_counted(limits, f"192.0.2.{number}") for number in range(3)] == [True, False, False]
