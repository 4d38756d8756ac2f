"""A replay under traffic."""

from __future__ import annotations

import asyncio

from tests.support.stack.running import RunningStack
from tests.support.stack.world import Practice, World


async def test_replay(stack: RunningStack, world: World, practice: Practice) -> None:
    """While the read model is rebuilt and swapped, reads and decisions go on; the new one is the same."""
    replayed = asyncio.Event()
    statuses: list[int] = []

    async def requests() -> None:
        while not replayed.is_set():
            passed = await world.request("GET", "/v1/patient", practice.keys)
            refused = await world.request("GET", "/v1/note", practice.keys)
            read = await world.ask("registry", "GET", practice.key_path, practice.owner)
            statuses.extend((passed.status, refused.status, read.status))

    flowing = asyncio.create_task(requests())
    report = await stack.keyfold("replay")
    replayed.set()
    await flowing

    assert report.status == 0, report.err
    assert '"event"' not in report.err
    assert report.json()["differences"] == []
    assert report.json()["position"] > 0
    assert len(statuses) > 30
    assert statuses == [200, 403, 200] * (len(statuses) // 3)
    await world.enforced("DELETE", practice.key_path, practice.owner)
    assert (await world.request("GET", "/v1/patient", practice.keys)).reasons == ["subscriber_key_revoked"]
