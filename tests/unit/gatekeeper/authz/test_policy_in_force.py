"""A policy is read anew as a whole, between two ticks, or not at all."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from keyfold.domain.access.decision import Reason
from keyfold.domain.access.route_map_text import parse_route_map
from keyfold.gatekeeper.authz.policy import AuthzPolicy
from keyfold.gatekeeper.authz.policy_in_force import PolicyInForce
from keyfold.gatekeeper.gateways import Gateways, read_gateways
from keyfold.runtime.failure import StopProcess
from tests.support.eventually import eventually_so
from tests.support.gatekeeper.heart import POLICY, Clock, heart_in, reason_of

OTHER = dataclasses.replace(POLICY, route_map=parse_route_map("/v1/patient/** clinical"))
NO_CADDY = dataclasses.replace(
    POLICY, gateways=read_gateways(b'[{"name": "another", "token_sha256": "%s"}]' % (b"0" * 64))
)


def reads(policy: AuthzPolicy) -> Callable[[], AuthzPolicy]:
    """Return what reads this policy."""
    return lambda: policy


def broken() -> AuthzPolicy:
    """Read files that are broken."""
    raise StopProcess("the route map api.routes: line 7: 'teeth' is no category")


async def test_a_new_policy_decides_from_the_next_tick(tmp_path: Path) -> None:
    """What was asked before is decided by either one, and what is asked after by the new one."""
    in_force = PolicyInForce(POLICY, Clock())
    with heart_in(tmp_path, in_force=in_force) as heart:
        assert reason_of(await heart.answer()) is None
        waiting = heart.ask()
        await in_force.reload(reads(OTHER))
        (answer,) = waiting.answers
        assert reason_of(answer) is None
        assert reason_of(await heart.answer()) == Reason.CATEGORY_DENIED
        await in_force.reload(reads(NO_CADDY))
        assert (await heart.answer()).status == 401


async def test_a_tick_is_decided_by_one_policy(tmp_path: Path) -> None:
    """A policy that comes into force while questions wait decides all of them."""
    in_force = PolicyInForce(POLICY, Clock())
    with heart_in(tmp_path, in_force=in_force) as heart:
        waiting = [heart.ask() for _ in range(3)]
        in_force.policy = OTHER
        waiting.append(heart.ask())
        await asyncio.sleep(0)
        assert {reason_of(each.answers[0]) for each in waiting} == {Reason.CATEGORY_DENIED}


async def test_broken_files_change_nothing(tmp_path: Path) -> None:
    """The old policy stays, and that is told: in the log, in a metric's gauge, and where people look."""
    clock = Clock()
    in_force = PolicyInForce(POLICY, clock)
    before = in_force.describe()
    with heart_in(tmp_path, in_force=in_force) as heart, capture_logs() as lines:
        await in_force.reload(broken)
        assert reason_of(await heart.answer()) is None
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("policy_not_reloaded", "error")
    assert "line 7" in line["error"] and line["policy"] == POLICY.digest
    assert in_force.broken_since == clock.now()
    assert in_force.describe().startswith(f"{before}; the files have been broken since ")
    await in_force.reload(reads(POLICY))
    assert in_force.broken_since is None


@pytest.mark.parametrize("fails", [False, True])
async def test_a_policy_is_announced_before_it_decides(fails: bool) -> None:
    """Until it is known for good which policy it will be, the old one decides."""
    seen: list[tuple[AuthzPolicy, AuthzPolicy]] = []

    async def announce(policy: AuthzPolicy) -> None:
        seen.append((policy, in_force.policy))
        if fails:
            raise OSError("the disk is full")

    in_force = PolicyInForce(POLICY, Clock(), announce=announce)
    await in_force.reload(reads(OTHER))
    assert seen == [(OTHER, POLICY)]
    assert in_force.policy is (POLICY if fails else OTHER)


async def test_each_hangup_is_heard() -> None:
    """However often it is asked, the newest files are in force in the end."""
    in_force, hangups, read = PolicyInForce(POLICY, Clock()), asyncio.Event(), list[int]()
    newest = [OTHER, NO_CADDY]

    def read_newest() -> AuthzPolicy:
        read.append(1)
        return newest[-1]

    watching = asyncio.ensure_future(in_force.watch(hangups, read_newest))
    hangups.set()
    await eventually_so(lambda: in_force.policy is NO_CADDY)
    watching.cancel()
    assert read == [1]


async def test_a_shadow_goes_on_while_its_maps_stay() -> None:
    """What it has found is kept when only gateways change, and begins anew with another map."""
    shadowed = dataclasses.replace(POLICY, shadow_map=OTHER.route_map)
    in_force = PolicyInForce(shadowed, Clock())
    shadow = in_force.shadow
    assert shadow is not None
    await in_force.reload(reads(dataclasses.replace(shadowed, gateways=NO_CADDY.gateways)))
    assert in_force.shadow is shadow
    await in_force.reload(reads(dataclasses.replace(shadowed, shadow_map=POLICY.route_map)))
    assert in_force.shadow is not shadow is not None
    await in_force.reload(reads(POLICY))
    assert in_force.shadow is None


def test_a_policy_is_its_text() -> None:
    """The text has no token in any form, nor an order, and has whatever makes a difference."""
    assert POLICY.text == (
        "client_ip full\npaths full\nkey_headers x-api-key A-api-key\n"
        "gateway caddy forwarded 429\ngateway nginx original 429\n"
        "/v1/appointment/** appointment\n/v1/note/** clinical\n/v1/patient/** patient\n"
    )
    turned = dataclasses.replace(POLICY, gateways=Gateways(tuple(reversed(POLICY.gateways.all))))
    assert (turned.text, turned.digest) == (POLICY.text, POLICY.digest)
    others = (OTHER, NO_CADDY, dataclasses.replace(POLICY, paths="template"))
    assert len({each.digest for each in (POLICY, *others)}) == 4
