"""Starting, stopping and losing a second stack, beside the one that all other stories share."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import orjson
import psutil
import pytest

from keyfold.domain.access.decision import Reason
from keyfold.local.service_specs import SERVICE_SPECS
from tests.support.eventually import eventually, eventually_so
from tests.support.stack import rotations as rotated
from tests.support.stack.refused import assert_refused
from tests.support.stack.running import RunningStack, keyfold, running
from tests.support.stack.world import OPERATOR, Practice, World

PATIENT = "/v1/patient/7"
STALENESS_MAX_S = 2
SETTINGS = {"KEYFOLD_STALENESS_MAX_S": str(STALENESS_MAX_S)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the second stack."""
    return tmp_path_factory.mktemp("beside")


@pytest.mark.timeout(240)  # it starts two stacks, one after the other
async def test_life(stack: RunningStack, world: World, practice: Practice, home: Path) -> None:
    """A second stack beside the first knows nothing of it; stopped and started again, it has all it had.

    Of keys that were rotated meanwhile each old secret stops on time, whether everything is stopped then or
    the registry alone.
    """
    async with running(home, SETTINGS) as second, aiohttp.ClientSession() as session:
        there = World(second, session)
        theirs = await there.practice(await there.vendor())
        assert (await there.request("GET", PATIENT, theirs.keys)).status == 200
        assert (await there.request("GET", PATIENT, practice.keys)).reasons == ["unknown_vendor_key"]
        assert (await world.request("GET", PATIENT, practice.keys)).status == 200
        assert (await there.ask("registry", "GET", practice.path, practice.owner)).status == 404
        await stale_and_back(there, theirs)
        logged = await there.whole_log(theirs)
        rotations = await rotated.begin(second, there)
        screen = second.screen
    await rotated.wait_until(rotations.short_ends_at)

    async with running(home) as again, aiohttp.ClientSession() as session:
        there = there.after_restart(again, session)
        assert (await there.request("GET", PATIENT, theirs.keys)).status == 200
        assert (await there.whole_log(theirs))[1:] == logged
        assert again.screen.count("kfs_live_") == screen.count("kfs_live_") == 2
        assert secrets_on(again.screen) == secrets_on(screen)
        assert "taken" not in again.screen
        assert {**again.record, "pids": {}} == {**second.record, "pids": {}}
        await rotated.check_ended(again, there, rotations)
        await services_killed(there, theirs)


async def stale_and_back(world: World, practice: Practice) -> None:
    """Stop the broker from answering: the gatekeeper cannot hear the ledger, and lets nothing through."""
    kafka = world.stack.pid("kafka")
    os.kill(kafka, signal.SIGSTOP)
    try:
        await world.done("POST", "/v1/accounts", OPERATOR, {"name": "Unheard"})

        async def refused() -> bool:
            return (await world.request("GET", PATIENT, practice.keys)).status == 503

        await eventually(refused, within_s=STALENESS_MAX_S + 10)
        assert_refused(await world.request("GET", PATIENT, practice.keys), Reason.STALE)
    finally:
        os.kill(kafka, signal.SIGCONT)

    async def passes() -> bool:
        return (await world.request("GET", PATIENT, practice.keys)).status == 200

    await eventually(passes, within_s=30)


async def services_killed(world: World, practice: Practice) -> None:
    """Kill every service at once under traffic: each is started again where it was, and says that it is
    ready; no answer that a client had meanwhile is missing in the log."""
    stack, killed, decisions = world.stack, asyncio.Event(), set[str]()

    async def requests() -> None:
        while not killed.is_set():
            answer = await world.ask("gateway", "GET", PATIENT, headers=practice.keys)
            if answer.status == 200:
                decisions.add(answer.body["headers"]["X-Keyfold-Decision"])

    flowing = asyncio.create_task(requests())
    await eventually_so(lambda: len(decisions) > 20)
    for spec in SERVICE_SPECS:
        os.kill(stack.pid(spec.name), signal.SIGKILL)
    again = [f"{spec.name}, again" for spec in SERVICE_SPECS]
    await eventually_so(lambda: all(line in stack.screen for line in again), within_s=60)
    answered = len(decisions)
    await eventually_so(lambda: len(decisions) > answered + 20)
    killed.set()
    await flowing

    async def all_logged() -> bool:
        return decisions <= {item["event_id"] for item in await world.log(practice)}

    await eventually(all_logged)
    now = orjson.loads((stack.state_dir / "stack.json").read_bytes())
    assert {**now, "pids": {}} == {**stack.record, "pids": {}}
    for spec in SERVICE_SPECS:
        assert now["pids"][spec.name] != stack.pid(spec.name)
        assert f"{spec.name} was killed by SIGKILL; it is started again" in stack.screen
        assert psutil.pid_exists(now["pids"][spec.name])


async def test_in_use(stack: RunningStack) -> None:
    """A second `keyfold up` in the same directory is refused in a sentence, and does no harm."""
    second = await keyfold("up", cwd=stack.home)

    assert second.status == 1
    assert "another stack runs in" in second.err
    assert (stack.state_dir / "stack.json").exists()


def secrets_on(screen: str) -> set[str]:
    """Return the keys on a screen."""
    words = screen.replace("'", " ").split()
    return {word for word in words if word.startswith(("kfs_live_", "kfv_live_"))}
