"""Floods on a disk that is full, slow or failing, and floods that are killed: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from keyfold.domain.access.decision import Reason
from keyfold.gatekeeper.authz.answers import AuthzAnswer
from keyfold.gatekeeper.settings import JournalSync
from keyfold.wire.journal.counted_slots import SLOT_BYTES
from keyfold.wire.journal.files import COUNTED
from tests.support.eventually import eventually
from tests.support.gatekeeper.flooded import (
    MANY,
    PER_S,
    SECOND,
    Fate,
    Flooded,
    Killed,
    decision_id_of,
    known,
    malformed,
    missing,
    only_counted,
    read_shipped,
    requests,
    run_flooded,
    was_decided,
)
from tests.support.gatekeeper.full_disk import small_disk
from tests.support.gatekeeper.heart import Nameless, reason_of


async def test_a_journal_that_takes_nothing_counts_nothing(tmp_path: Path) -> None:
    """While it is known that nothing can be written a flood is refused as everything is, and in no event."""
    with run_flooded(tmp_path) as bed:
        await bed.flood(MANY, malformed())
        bed.fate.journal_refuses = True
        await bed.flood(MANY, malformed())
        assert bed.answered() == 2 * MANY  # nothing had to be written but counts, which were
        bed.second()
        await bed.flood(MANY, malformed())
        await bed.flood(MANY, malformed())
        assert bed.answered() == 2 * MANY
        bed.fate.journal_refuses = False
        assert all(map(was_decided, await bed.flood(MANY, malformed())))
        answered = bed.answered()
    assert requests(read_shipped(tmp_path)) == answered


async def test_a_tick_in_which_the_journal_fails_is_refused_whole(tmp_path: Path) -> None:
    """Counted requests of the tick in which the disk is found to be full are refused, and not counted."""
    with run_flooded(tmp_path) as bed:
        await bed.flood(MANY, malformed())
        bed.fate.journal_refuses = True
        bed.ask(malformed())
        (passed,) = await bed.flood(1, known())
        bed.fate.journal_refuses = False
        assert [reason_of(each.answers[0]) for each in bed.asked[-2:]] == ["journal_unavailable"] * 2
        assert not was_decided(passed)
    assert requests(read_shipped(tmp_path)) == MANY


async def test_a_file_that_takes_nothing_counts_nothing(tmp_path: Path) -> None:
    """What the file cannot count is refused, and what it does not count yet recorded one by one."""
    with run_flooded(tmp_path) as bed, capture_logs() as logs:
        await bed.flood(MANY, malformed())
        bed.fate.file_refuses = True
        refused = await bed.flood(MANY, malformed())
        assert {reason_of(each.answers[0]) for each in refused} == {"journal_unavailable"}
        assert all(map(was_decided, await bed.flood(MANY, missing())))
        bed.fate.file_refuses = False
        bed.second()
        await bed.flood(MANY, malformed())
        answered = bed.answered()
    assert logs == [
        {"event": "requests_not_counted", "error": "[Errno 28] the disk refuses", "log_level": "error"}
    ]
    assert answered == 3 * MANY
    events = read_shipped(tmp_path)
    assert requests(events) == answered
    assert len([event for event in events if event.reason == Reason.MISSING_VENDOR_KEY]) == MANY


async def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """On a full disk no request is answered that is in no event, and none is in one that was not answered."""
    with small_disk(tmp_path) as disk:
        with run_flooded(tmp_path) as bed:
            await bed.flood(MANY, malformed(0))
            disk.fill()
            for network in range(40):
                await bed.flood(PER_S + 2, malformed(network))
            bed.second()
            refused = len(bed.asked) - bed.answered()
            disk.free()
            await bed.flood(1, known())
            bed.second()
        assert 0 < refused < len(bed.asked) - MANY
        assert requests(read_shipped(tmp_path)) == bed.answered()


async def test_a_count_that_the_journal_refuses_waits(tmp_path: Path) -> None:
    """A count that cannot be journalled when its second is over stays counted, and is journalled later."""
    with run_flooded(tmp_path) as bed:
        await bed.flood(MANY, malformed())
        bed.fate.journal_refuses = True
        bed.second()
        bed.second()
        bed.fate.journal_refuses = False
        assert await bed.flood(1, known())
        bed.second()
        assert [event.requests for event in only_counted(bed.heart.records())] == [MANY - PER_S]
    assert requests(read_shipped(tmp_path)) == MANY + 1


async def test_a_slot_that_cannot_be_released_is_released_later(tmp_path: Path) -> None:
    """What is journalled is not journalled again, though its slot says that it is counting yet."""
    with run_flooded(tmp_path) as bed:
        await bed.flood(MANY, malformed())
        bed.fate.file_refuses = True
        bed.second()
        bed.fate.file_refuses = False
        bed.second()
        bed.is_killed = True
    assert requests(read_shipped(tmp_path)) == MANY


async def test_a_count_that_is_journalled_slowly_is_journalled_once(tmp_path: Path) -> None:
    """A write that took too long was a write: nothing of it is journalled again."""
    with run_flooded(tmp_path) as bed:
        await bed.flood(MANY, malformed())
        bed.fate.takes = lambda: setattr(bed.heart.clock, "seconds", bed.heart.clock.seconds + 1)
        bed.second()
        assert bed.heart.journal.fault is not None
        bed.fate.takes = None
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(bed.heart.journal.watch(0))
            await eventually(lambda: _is_well(bed))
            watching.cancel()
        bed.second()
    assert requests(read_shipped(tmp_path)) == MANY


async def _is_well(bed: Flooded) -> bool:
    return bed.heart.journal.fault is None


async def test_slots_of_what_was_refused_are_used_again(tmp_path: Path) -> None:
    """A slot that was taken for requests which the journal then refused is free once its second is over."""
    with run_flooded(tmp_path) as bed:
        for _ in range(3):
            await bed.flood(PER_S, malformed())
            bed.fate.journal_refuses = True
            bed.ask(malformed())
            await bed.flood(1, known())
            bed.fate.journal_refuses = False
            await bed.flood(1, known())
            bed.second()
        assert (tmp_path / "run" / COUNTED).stat().st_size == SLOT_BYTES
    events = read_shipped(tmp_path)
    assert (only_counted(events), len(events)) == ([], 3 * (PER_S + 1))


@pytest.mark.parametrize(("sync", "is_synced"), [("off", False), ("interval", False), ("always", True)])
async def test_an_answer_waits_for_the_disk_where_the_journal_does(
    tmp_path: Path, sync: JournalSync, is_synced: bool
) -> None:
    """With `always` a count is on the disk before any answer that it stands for leaves."""
    seen: list[bool] = []
    with run_flooded(tmp_path, sync=sync) as bed:

        class Looking(Nameless):
            def respond(self, answer: AuthzAnswer) -> None:
                seen.append(bed.fate.is_synced)

        await bed.flood(PER_S, malformed())
        bed.heart.authz.ask(Looking(), "GET", "/authz/v1/patient", malformed())
        await asyncio.sleep(0)
    assert seen == [is_synced]


async def test_a_disk_that_fails_refuses(tmp_path: Path) -> None:
    """With `always` a request whose count does not reach the disk is refused."""
    with run_flooded(tmp_path, sync="always") as bed, capture_logs():
        await bed.flood(PER_S, malformed())
        bed.fate.sync_refuses = True
        (refused,) = await bed.flood(1, malformed())
        bed.fate.sync_refuses = False
        (passed,) = await bed.flood(1, malformed())
    assert (was_decided(refused), was_decided(passed)) == (False, True)


@pytest.mark.parametrize("sync", ["interval", "always"])
async def test_counts_reach_the_disk_by_themselves(tmp_path: Path, sync: JournalSync) -> None:
    """Each second what was counted, and what was journalled of it, is brought to the disk."""
    with run_flooded(tmp_path, sync=sync) as bed:
        await bed.flood(MANY, malformed())
        bed.heart.clock.at += SECOND
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(bed.aggregation.watch(0))
            await eventually(lambda: _is_synced(bed))
            watching.cancel()
        assert [event.requests for event in only_counted(bed.heart.records())] == [MANY - PER_S]


async def _is_synced(bed: Flooded) -> bool:
    return bed.fate.is_synced and bool(only_counted(bed.heart.records()))


@pytest.mark.parametrize("is_written", [False, True])
async def test_it_may_die_at_any_write(tmp_path: Path, is_written: bool) -> None:
    """Killed before or behind any of its writes, what was answered is recorded, each in one event."""
    for dies_at in count(1):
        root = tmp_path / str(dies_at)
        bed = await _life(root, Fate(dies_at=dies_at, is_written=is_written))
        events = read_shipped(root)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert len({event.event_id for event in events}) == len(events)
        assert 0 <= requests(events) - bed.answered() <= len(bed.asked) - bed.answered()
        names = {decision_id_of(each) for each in bed.asked if was_decided(each)}
        assert names <= {event.event_id for event in events}
        if not bed.is_killed:
            break
    assert dies_at > 20


async def _life(root: Path, fate: Fate) -> Flooded:
    died: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: died.append(said["exception"]))
    with run_flooded(root, fate=fate) as bed:
        try:
            for fields in (malformed(1), malformed(1), missing(1), known(), malformed(2), malformed(1)):
                await bed.flood(PER_S + 1, fields)
                if died:
                    raise died[0]
                if fields == known():
                    bed.second()
        except Killed:
            bed.is_killed = True
    return bed
