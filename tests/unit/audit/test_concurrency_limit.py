"""A limit of places, of which one tenant gets only a share."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from keyfold.audit.query.concurrency_limit import ConcurrencyLimit
from keyfold.runtime.auth.caller import Caller, Role
from keyfold.runtime.http import Refused


def owner(number: int) -> Caller:
    """Return the owner of one of many accounts."""
    return Caller(role=Role.OWNER, sub="otto", account_id=f"acc_{number}")


def test_one_tenant_gets_a_quarter() -> None:
    """A tenant that holds a quarter of the places is told to wait, whichever of its people asks."""
    limit = ConcurrencyLimit("streams", 8)
    with ExitStack() as held:
        held.enter_context(limit.hold_place(owner(1)))
        held.enter_context(limit.hold_place(owner(1)))
        with pytest.raises(Refused) as refused:
            limit.check(owner(1))
        assert refused.value.problem.status == 429
        assert "Retry-After" in refused.value.problem.headers
        limit.check(owner(2))
    limit.check(owner(1))
    assert limit.taken == 0


def test_all_tenants_get_all() -> None:
    """When all places are taken, the next caller is told that it is busy, until one is freed in any way."""
    limit = ConcurrencyLimit("streams", 2)
    with ExitStack() as held:
        held.enter_context(limit.hold_place(owner(1)))
        with pytest.raises(ZeroDivisionError), limit.hold_place(owner(2)):
            with pytest.raises(Refused) as refused:
                limit.check(owner(3))
            raise ZeroDivisionError
        limit.check(owner(3))
    assert refused.value.problem.status == 503


def test_the_last_places_are_for_those_who_have_none() -> None:
    """Three tenants with two places each leave two, which a fourth and a fifth get, one each."""
    limit = ConcurrencyLimit("exports", 8)
    with ExitStack() as held:
        for number in (1, 1, 2, 2, 3, 3, 4):
            held.enter_context(limit.hold_place(owner(number)))
        with pytest.raises(Refused) as refused:
            limit.check(owner(4))
        assert refused.value.problem.status == 503
        held.enter_context(limit.hold_place(owner(5)))
