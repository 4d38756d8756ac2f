"""`kill -9` of each process while requests flow and keys are made, used and revoked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import pytest

from keyfold.local.sample.record import Sample
from keyfold.runtime.clock import SYSTEM_CLOCK
from tests.support.chaos.aftermath import Aftermath
from tests.support.chaos.counts import Counts
from tests.support.chaos.owner import Owner, open_session
from tests.support.chaos.stack import VICTIMS, ChaosStack
from tests.support.chaos.traffic import Traffic

REQUESTS_BEFORE, REQUESTS_AFTER = 100, 150
CYCLES_BEFORE, CYCLES_AFTER = 2, 2


@pytest.mark.timeout(180)
@pytest.mark.parametrize("victim", VICTIMS)
async def test_kill_9(
    victim: str,
    stack: ChaosStack,
    sample: Sample,
    aftermath: Aftermath,
    record_property: Callable[[str, object], None],
) -> None:
    """Nothing that was answered is lost or there twice, and no revoked key is ever allowed again."""
    began_s = SYSTEM_CLOCK.monotonic_s()
    starts = stack.starts
    traffic = Traffic(port=stack.authz_port, token=stack.token, sample=sample, mark=victim)
    async with open_session() as session:
        owner = Owner(stack=stack, traffic=traffic, session=session)
        async with traffic.flowing(), owner.at_work():
            await owner.works(CYCLES_BEFORE)
            await traffic.flows(REQUESTS_BEFORE)
            killed_s, graves = SYSTEM_CLOCK.monotonic_s(), traffic.denied_at_grave
            await stack.kill(victim)
            back_s = SYSTEM_CLOCK.monotonic_s() - killed_s
            await owner.works(CYCLES_AFTER)
            await traffic.flows(REQUESTS_AFTER)

    assert {name: more for name, each in stack.starts.items() if (more := each - starts[name])} == {victim: 1}
    assert traffic.risen == []
    assert traffic.denied_at_grave > graves > 0
    assert owner.wrong == []
    logged = await aftermath.check_access_log(traffic)
    head = await aftermath.check_ledger(owner.done, owner.sent, victim)
    lifecycle_repeats = await aftermath.check_topic(head)
    await aftermath.check_read_model(head)
    assert logged.rows == len(traffic.decided) + logged.unanswered
    counted = Counts(
        victim=victim,
        answered=len(traffic.decided),
        allowed=traffic.outcomes["allow"],
        stale=traffic.outcomes["stale"],
        rows=logged.rows,
        unanswered_rows=logged.unanswered,
        cut=len(traffic.asked - traffic.answered.keys()),
        access_repeats=logged.repeats,
        commands=len(owner.done),
        position=head,
        lifecycle_repeats=lifecycle_repeats,
        denied_at_grave=traffic.denied_at_grave,
        back_s=round(back_s, 1),
        took_s=round(SYSTEM_CLOCK.monotonic_s() - began_s, 1),
    )
    record_property("kill -9 under load", asdict(counted))
