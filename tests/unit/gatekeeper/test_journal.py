"""The journal, on a real directory and a disk that is really full."""

import asyncio
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from libs.domain.access_event import AccessEvent
from libs.domain.decision import Reason
from libs.domain.ids import EventId
from libs.runtime.clock import SYSTEM_CLOCK
from libs.wire.access_codec import decode_access_event
from libs.wire.journal_line import read_journal_line
from services.gatekeeper.journal import Decide, Journal
from services.gatekeeper.journal_directory import RunDirectory
from tests.eventually import eventually
from tests.unit.gatekeeper.full_disk import small_disk

RUN_ID = "0198-run"


def draft(path: str = "/v1/patient") -> Decide:
    """Return what decides on a denial."""
    return partial(
        AccessEvent,
        event_id=EventId(SYSTEM_CLOCK.new_event_id()),
        at=datetime(2026, 1, 31, tzinfo=UTC),
        account_id=None,
        key_id=None,
        vendor_id=None,
        vendor_key_id=None,
        category=None,
        access=None,
        method="GET",
        path=path,
        reason=Reason.STALE,
        position=0,
        gateway="caddy",
        client_ip=None,
        traceparent=None,
    )


@contextmanager
def journal_in(root: Path, *, segment_bytes: int = 1 << 20, bytes_max: int = 1 << 30) -> Iterator[Journal]:
    """Open a journal."""
    journal = Journal(RunDirectory(root, RUN_ID), segment_bytes=segment_bytes, bytes_max=bytes_max)
    try:
        yield journal
    finally:
        journal.close()


def records(root: Path) -> list[AccessEvent]:
    """Every record of the run in order; fails on a line that is not whole."""
    segments = sorted((root / RUN_ID).glob("*.journal"))
    text = b"".join(segment.read_bytes() for segment in segments)
    assert text == b"" or text.endswith(b"\n")
    return [decode_access_event(read_journal_line(line)) for line in text.splitlines()]


def seqs(root: Path) -> list[int]:
    """Return the numbers of the run's records in their order."""
    return [record.seq for record in records(root)]


async def append(journal: Journal, count: int = 1) -> list[bool]:
    """Append events in one tick, and return which were taken."""
    return [await each is not None for each in [journal.append(draft()) for _ in range(count)]]


def writes() -> int:
    """Return how many write calls this process has made."""
    counters = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counters["syscw"])


async def test_a_record_is_in_the_file_before_its_request_goes_on(tmp_path: Path) -> None:
    """Whoever has awaited the append finds the record in the file, numbered from 1."""
    with journal_in(tmp_path) as journal:
        for number in range(1, 4):
            assert await append(journal) == [True]
            assert seqs(tmp_path) == list(range(1, number + 1))
    assert {record.gatekeeper for record in records(tmp_path)} == {RUN_ID}


async def test_one_tick_is_one_write(tmp_path: Path) -> None:
    """All requests of one event-loop tick share one write."""
    with journal_in(tmp_path) as journal:
        before = writes()
        await append(journal, 500)
        assert writes() - before <= 2  # one is the loop's own, where it wakes itself
    assert seqs(tmp_path) == list(range(1, 501))


async def test_files_rotate_and_are_named_for_their_first_record(tmp_path: Path) -> None:
    """A file that has reached its size is closed; the next is named for the number it begins with."""
    with journal_in(tmp_path, segment_bytes=1000) as journal:
        for _ in range(10):
            await append(journal)
    names = [int(path.stem) for path in sorted((tmp_path / RUN_ID).glob("*.journal"))]
    firsts = [
        decode_access_event(read_journal_line(path.read_bytes().splitlines()[0])).seq
        for path in sorted((tmp_path / RUN_ID).glob("*.journal"))
    ]
    assert len(names) > 2
    assert names == firsts
    assert seqs(tmp_path) == list(range(1, 11))


async def test_a_full_disk_refuses_whole_ticks_and_leaves_no_torn_line(tmp_path: Path) -> None:
    """What does not fit is refused; the numbers go on without a gap once there is room again."""
    with small_disk(tmp_path) as disk, journal_in(tmp_path) as journal:
        await append(journal, 3)
        disk.fill()
        refused = [await append(journal, 20) for _ in range(3)]
        assert not any(each for tick in refused[1:] for each in tick)
        assert journal.fault is not None
        written = len(seqs(tmp_path))
        disk.free()
        assert all(await append(journal, 5))
        assert journal.fault is None
        assert seqs(tmp_path) == list(range(1, written + 6))


async def test_a_journal_that_nobody_writes_to_finds_out_when_there_is_room(tmp_path: Path) -> None:
    """Readiness returns without a request: a gateway that heeds it would send none."""
    with small_disk(tmp_path) as disk, journal_in(tmp_path) as journal:
        disk.fill()
        while all(await append(journal, 200)):
            pass
        watch = asyncio.create_task(journal.watch(interval_s=0.01))
        disk.free()

        async def is_well() -> bool:
            return journal.fault is None

        await eventually(is_well)
        watch.cancel()


async def test_the_journal_is_bounded(tmp_path: Path) -> None:
    """At its bound it refuses, and takes records again once the shipper has taken some away."""
    with capture_logs() as logs, journal_in(tmp_path, bytes_max=4000) as journal:
        while all(await append(journal)):
            journal.measure(journal_bytes(tmp_path))
        assert 3000 < journal_bytes(tmp_path) <= 4000
        journal.measure(0)
        assert await append(journal) == [True]
    assert [each["event"] for each in logs] == [
        "journal_half_full",
        "journal_unavailable",
        "journal_available",
    ]


def journal_bytes(root: Path) -> int:
    """Return what the run holds on the disk."""
    return sum(path.stat().st_size for path in (root / RUN_ID).iterdir())


async def test_a_request_that_is_cancelled_takes_no_other_with_it(tmp_path: Path) -> None:
    """A client that hangs up before the write changes nothing for the others of its tick."""
    with journal_in(tmp_path) as journal:
        gone, stays = (asyncio.ensure_future(append(journal)) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        assert await stays == [True]
    assert seqs(tmp_path) == [1, 2]


async def test_a_bug_in_one_decision_is_that_requests_alone(tmp_path: Path) -> None:
    """A decision that raises fails its own request, takes no number, and leaves the tick's others be."""

    def broken(*, gatekeeper: str, seq: int) -> AccessEvent:
        raise LookupError(gatekeeper, seq)

    with journal_in(tmp_path) as journal:
        waiting = [journal.append(decide) for decide in (draft(), broken, draft())]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in outcomes] == [AccessEvent, LookupError, AccessEvent]
    assert seqs(tmp_path) == [1, 2]


async def test_the_writers_life_shows_in_its_lock(tmp_path: Path) -> None:
    """Nobody can lock the run's lock file while the writer lives, and anybody once it is gone."""
    with journal_in(tmp_path), (tmp_path / RUN_ID / "lock").open() as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (tmp_path / RUN_ID / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


async def test_what_waits_at_the_end_is_written(tmp_path: Path) -> None:
    """A journal that is closed in the middle of a tick writes that tick."""
    with journal_in(tmp_path) as journal:
        waiting = journal.append(draft())
    assert await waiting
    assert seqs(tmp_path) == [1]
