"""After a registry has said that a position is enforced, no gatekeeper answers allow from a state before it.

A small world is searched through: every order of its steps is tried, so within its bounds the promise is
proven, and what is found without a safeguard is the shortest way to break it. Luck has no part in either. A
larger one is walked through at random.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Final

import pytest

from tests.support.property.enforcement_world import Bounds, Rules, World, beginning, steps

LONG: Final = os.environ.get("KEYFOLD_MODEL") == "long"
INTACT: Final = Rules()
SMALL: Final = Bounds()
AT_ONCE: Final = Bounds(seconds=0, gatekeepers=2)
WITHOUT_END: Final = Rules(lease_s=0)
LARGE: Final = Bounds(gatekeepers=3, seconds=30, appends=5, beats=8, requests=20)
STEPS_MAX: Final = 200

PROVEN: Final = {
    "one gatekeeper": (INTACT, SMALL),
    "a lease without an end": (WITHOUT_END, SMALL),
    "PostgreSQL's clock is set back": (Rules(step_s=-3), Bounds(seconds=4)),
    "two revocations": (INTACT, Bounds(appends=2, seconds=3)),
    "two gatekeepers in one second": (INTACT, AT_ONCE),
}
PROVEN_LONG: Final = {
    "two beats": (INTACT, Bounds(beats=2)),
    "two questions": (INTACT, Bounds(requests=2)),
    "two revocations, longer": (INTACT, Bounds(appends=2, seconds=7)),
    "a longer lease": (Rules(lease_s=3), Bounds(seconds=8)),
    "two gatekeepers": (Rules(lease_s=1, margin_s=1, lag_max_s=0), Bounds(gatekeepers=2, seconds=4)),
}
BROKEN: Final = {
    "the head is read without a lock": (Rules(head_is_locked=False), SMALL),
    "no margin": (Rules(margin_s=0), SMALL),
    "the lease counts from the answer": (Rules(lease_counts_from_start=False), SMALL),
    "nothing is checked before sending": (Rules(checks_before_sending=False), SMALL),
    "the silent are not waited for": (Rules(waits_for_the_silent=False), SMALL),
    "withdrawn before the last answer": (Rules(forfeits_before_withdrawing=False), SMALL),
    "a clock lags more than the margin": (Rules(lease_s=1, lag_max_s=3), SMALL),
    "a gateway never gives up": (Rules(gateway_timeout_s=None), Bounds(seconds=7)),
    "PostgreSQL's clock is stepped forward": (Rules(step_s=3), Bounds(seconds=3)),
    "somebody deletes a row": (Rules(rows_are_left_alone=False), SMALL),
    "two gatekeepers with one id": (Rules(ids_differ=False), AT_ONCE),
    "records count that nobody sealed": (Rules(seals_count=False), SMALL),
}
STUMBLED_UPON: Final = (
    "no margin",
    "the lease counts from the answer",
    "nothing is checked before sending",
    "the silent are not waited for",
    "withdrawn before the last answer",
    "two gatekeepers with one id",
)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("case", [*PROVEN, *(PROVEN_LONG if LONG else ())])
def test_the_promise_holds(case: str, record_property: Callable[[str, object], None]) -> None:
    """In no order of steps does a gatekeeper allow from before what a registry has confirmed."""
    rules, bounds = (PROVEN | PROVEN_LONG)[case]
    way, tried = searched(rules, bounds)
    record_property("enforcement, every order of steps", {"worlds": tried, "case": case})
    assert way is None
    assert tried > 1000


@pytest.mark.parametrize("case", BROKEN)
def test_each_safeguard_is_needed(case: str) -> None:
    """Without any one of them there is an order of steps that breaks the promise."""
    way, _ = searched(*BROKEN[case])
    assert way is not None
    assert way[-1].endswith("sends")
    assert any("is enforced" in step for step in way)


def searched(rules: Rules, bounds: Bounds) -> tuple[list[str] | None, int]:
    """Return the shortest order of steps that breaks the promise, if any, and how many worlds it took."""
    start = beginning(bounds)
    came_by: dict[World, tuple[World, str] | None] = {start: None}
    waiting = deque([start])
    while waiting:
        world = waiting.popleft()
        for name, after in steps(world, rules, bounds):
            if after in came_by or not _may_break(after):
                continue
            came_by[after] = (world, name)
            if after.broken:
                return _way_to(after, came_by), len(came_by)
            waiting.append(after)
    return None, len(came_by)


def _may_break(world: World) -> bool:
    return world.broken or any(each.question or each.questions_left for each in world.gatekeepers)


def _way_to(world: World, came_by: dict[World, tuple[World, str] | None]) -> list[str]:
    way: list[str] = []
    while (came := came_by[world]) is not None:
        world, name = came
        way.append(name)
    return way[::-1]


@pytest.mark.timeout(1800)
def test_the_promise_holds_in_a_larger_world() -> None:
    """Three gatekeepers, five revocations and half a minute: no way through it breaks the promise."""
    assert walked(INTACT, walks=3_000 if LONG else 20) is None


@pytest.mark.parametrize("case", STUMBLED_UPON)
def test_a_walk_would_break_it(case: str) -> None:
    """A walk finds what is wrong too, so that it finds nothing means something."""
    rules, _ = BROKEN[case]
    assert walked(rules, walks=60) is not None


def walked(rules: Rules, *, walks: int) -> list[str] | None:
    """Return the first of so many ways that breaks the promise, None without; the same ones every time."""
    chance = Random(1)
    return next(filter(None, (_walk(rules, chance) for _ in range(walks))), None)


def _walk(rules: Rules, chance: Random) -> list[str] | None:
    world, way = beginning(LARGE), list[str]()
    for _ in range(STEPS_MAX):
        possible = list(steps(world, replace(rules, lease_s=3), LARGE))
        if not possible:
            return None
        ((name, world),) = chance.choices(possible, [_likelihood(name) for name, _ in possible])
        way.append(name)
        if world.broken:
            return way
    return None


def _likelihood(name: str) -> float:
    # Else gatekeepers end, and time is over, before anything has come about.
    if any(word in name for word in ("gives", "withdraws", "deletes", "stepped")):
        return 0.05
    return 0.4 if "second" in name else 1
