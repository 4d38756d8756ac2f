"""Whose limit it is: a tenant's for all of its logins, of which one login cannot use up everything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiohttp.test_utils import make_mocked_request

from keyfold.runtime.auth.caller import Caller, Role
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.http import RateLimits, Refused
from tests.support.runtime.serving import until

ONE = Caller(role=Role.OWNER, sub="one", account_id="acc_1")
VENDOR = Caller(role=Role.VENDOR, sub="one", vendor_id="ven_1")
MANY = 4096


@pytest.fixture(autouse=True)
async def _within_a_minute() -> None:
    """Begin where the clock's minute, with which the library's window ends, does not end during the test."""
    await until(lambda: SYSTEM_CLOCK.now().second < 56)


async def admitted(limits: RateLimits, *callers: Caller) -> int:
    """Send a command of each caller; return how many were admitted."""
    count, raw = 0, make_mocked_request("POST", "/thing")
    for caller in callers:
        try:
            await limits.admit(raw, caller, is_command=True)
            count += 1
        except Refused as refused:
            assert refused.problem.status == 429
    return count


@pytest.mark.parametrize("one", [ONE, VENDOR], ids=["account", "vendor"])
async def test_many_logins_of_a_tenant(one: Caller) -> None:
    """However many logins a tenant has, together they get what one tenant gets."""
    limits = RateLimits(commands_max=8, failures_max=0)
    assert await admitted(limits, *(replace(one, sub=f"s{n}") for n in range(100))) == 8
    assert await admitted(limits, replace(one, account_id="acc_2", vendor_id="ven_2")) == 1


async def test_one_login_of_a_tenant() -> None:
    """One login cannot use up its whole tenant's limit: another one can still revoke a key."""
    limits = RateLimits(commands_max=8, failures_max=0)
    program, person = (replace(ONE, sub=sub) for sub in ("program", "person"))
    assert await admitted(limits, *[program] * 100) == 6
    assert await admitted(limits, *[person] * 100) == 2


async def test_a_refused_login_costs_its_tenant_nothing() -> None:
    """What a login is refused is not counted against the others of its tenant."""
    limits = RateLimits(commands_max=4, failures_max=0)
    program, person = (replace(ONE, sub=sub) for sub in ("program", "person"))
    assert await admitted(limits, *[program] * 5, person) == 4


async def test_operators() -> None:
    """Each operator has a whole limit, whatever other operators do and however crowded it is."""
    limits = RateLimits(commands_max=2, failures_max=0)
    await admitted(limits, *(Caller(role=None, sub=f"s{n}") for n in range(MANY)))
    one, another = (Caller(role=Role.OPERATOR, sub=sub) for sub in ("one", "another"))
    assert [await admitted(limits, *[each] * 3) for each in (one, another)] == [2, 2]


@pytest.mark.parametrize("role", [None, Role.VENDOR], ids=["no role", "has not applied"])
async def test_very_many_strangers(role: Role | None) -> None:
    """However many logins there are that belong to no tenant, only some thousand have their own counter."""
    limits = RateLimits(commands_max=2, failures_max=0)
    assert await admitted(limits, *(Caller(role=role, sub=f"s{n}") for n in range(MANY + 100))) <= MANY + 2
    assert await admitted(limits, ONE) == 1


async def test_very_many_logins() -> None:
    """While very many logins are counted, new ones of a tenant are counted together."""
    limits = RateLimits(commands_max=4, failures_max=0)
    await admitted(limits, *(Caller(role=Role.OWNER, sub="s", account_id=f"acc_{n}") for n in range(MANY)))
    one, another = (Caller(role=Role.OWNER, sub=sub, account_id="acc_new") for sub in ("one", "another"))
    assert [await admitted(limits, *[each] * 4) for each in (one, another)] == [3, 0]
