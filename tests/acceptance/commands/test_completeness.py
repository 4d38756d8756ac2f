"""On a running stack, every request that was made is accounted for in the access log."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from keyfold.domain.ids import EventId
from keyfold.gatekeeper.journal.directory import RunDirectory
from keyfold.gatekeeper.journal.segment import Segment
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.http import rfc3339
from tests.support.access_events import access_event, journal_lines
from tests.support.eventually import eventually
from tests.support.stack.forked import Ended
from tests.support.stack.running import RunningStack
from tests.support.stack.world import Practice, World


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


async def test_a_run_is_accounted_for_to_its_end(stack: RunningStack) -> None:
    """For a gatekeeper that is gone, the log says how far it came, though its last events never arrived."""
    run, at = SYSTEM_CLOCK.new_event_id(), SYSTEM_CLOCK.now() - timedelta(days=2)
    directory = RunDirectory(stack.state_dir / "journal", run)
    with closing(Segment.create(directory.path, 1)) as segment:
        for number in range(1, 4):
            event = access_event(number, at=at, gatekeeper=run, account_id=None, key_id=None)
            segment.append(journal_lines(replace(event, event_id=EventId(SYSTEM_CLOCK.new_event_id()))))
    Segment.create(directory.path, 6).close()  # so there were 4 and 5
    directory.close()

    async def told() -> list[Any] | None:
        answered = await stack.keyfold(
            "audit", "completeness", "--since", rfc3339(at), "--until", rfc3339(at + timedelta(hours=1))
        )
        return [item for item in answered.json() if item["gatekeeper"] == run and item["ended"]] or None

    [item] = await eventually(told)
    assert item["missing_ranges"] == [{"first": 4, "last": 5}]
    assert (item["filed"], item["expected"], item["unknown_after"]) == (3, 5, None)
    assert not directory.path.exists()
