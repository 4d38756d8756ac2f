"""Whatever comes, and whenever the process dies: events are the record of every request that was answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from keyfold.domain.access.event import AccessEvent
from tests.support.gatekeeper.flooded import (
    Fate,
    Flooded,
    Killed,
    known,
    malformed,
    missing,
    read_shipped,
    run_flooded,
    was_decided,
)
from tests.support.gatekeeper.heart import Waiting

QUESTIONS = [known(), malformed(1), malformed(2), missing(1)]

# A step is a tick's questions, by their kind, or what else happens.
STEPS = st.lists(
    st.lists(st.integers(0, 3), min_size=1, max_size=12)
    | st.sampled_from(["second", "beat", "journal refuses", "file refuses", "disk is well"]),
    max_size=14,
)
# Most deaths are early, for most lives are short.
DEATHS = st.none() | st.tuples(st.integers(1, 12) | st.integers(1, 60), st.booleans())


@given(steps=STEPS, death=DEATHS)
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_what_was_answered_is_what_is_recorded(
    steps: Sequence[Sequence[int] | str], death: tuple[int, bool] | None
) -> None:
    """Every answer is in exactly one event, the one it names, and each event's number follows the last."""
    with TemporaryDirectory() as directory:
        asyncio.run(_life(Path(directory), steps, death))


async def _life(root: Path, steps: Sequence[Sequence[int] | str], death: tuple[int, bool] | None) -> None:
    dies_at, is_written = death or (None, False)
    faults: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: faults.append(said["exception"]))
    with run_flooded(root, fate=Fate(dies_at=dies_at, is_written=is_written)) as bed:
        try:
            for step in steps:
                await _take(bed, step)
                if faults:
                    raise faults[0]
        except Killed:
            bed.is_killed = True
        bed.fate.file_refuses = bed.fate.journal_refuses = False
    is_exact = death is None and "file refuses" not in steps
    _check(read_shipped(root), bed.asked, is_exact=is_exact)


async def _take(bed: Flooded, step: Sequence[int] | str) -> None:
    match step:
        case "second":
            bed.second()
        case "beat":
            bed.aggregation.journal_finished()
        case "journal refuses":
            bed.fate.journal_refuses = True
        case "file refuses":
            bed.fate.file_refuses = True
        case "disk is well":
            bed.fate.file_refuses = bed.fate.journal_refuses = False
        case kinds:
            for kind in kinds:
                bed.ask(QUESTIONS[int(kind)])
            await asyncio.sleep(0)


def _check(events: Sequence[AccessEvent], asked: Sequence[Waiting], *, is_exact: bool) -> None:
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    recorded = Counter[str]({event.event_id: event.requests for event in events})
    assert len(recorded) == len(events)
    answered = Counter(each.answers[0].headers["X-Keyfold-Decision"] for each in asked if was_decided(each))
    assert not answered - recorded
    # What was written down and not answered is what a death, or a disk that fails half way, came between.
    surplus = (recorded - answered).total()
    assert surplus <= (0 if is_exact else sum(not was_decided(each) for each in asked))
    assert all(event.requests == 1 for event in events if event.key_id is not None)
    counted = Counter(
        (event.at.replace(microsecond=0), event.client_ip, event.reason)
        for event in events
        if event.path == "/**"
    )
    assert max(counted.values(), default=1) == 1
