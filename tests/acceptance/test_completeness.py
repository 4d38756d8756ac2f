"""Whether the access log is whole, on a running stack: every request that was made is accounted for."""

from __future__ import annotations

from tests.acceptance.running import Ended, RunningStack
from tests.acceptance.world import Practice, World
from tests.eventually import eventually


async def test_every_request_is_accounted_for(stack: RunningStack, world: World, practice: Practice) -> None:
    """From the gatekeeper's answer to the row nothing is missing and nothing extra; the command says so."""
    for _ in range(3):
        await world.request("GET", "/v1/patient", practice.keys)
    log = await world.whole_log(practice)

    async def whole() -> Ended | None:
        # What was asked last of all may be on its way by another partition.
        answered = await stack.keyfold("audit", "completeness", "--since", log[-1]["at"])
        return None if answered.status else answered

    items = (await eventually(whole)).json()
    assert sum(item["filed"] for item in items) >= len(log)
    assert [(item["missing"], item["extra"]) for item in items] == [(0, 0)] * len(items)
