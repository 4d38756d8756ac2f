"""The journal, on a real directory and a disk that is really full."""

import asyncio
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from keyfold.domain.access.decision import Reason
from keyfold.gatekeeper.journal.directory import RunDirectory
from keyfold.gatekeeper.journal.writer import Journal
from keyfold.wire.access.codec import decode_access_event, encode_access_event
from keyfold.wire.journal.line import journal_line, read_journal_line
from tests.support.access_events import access_event
from tests.support.eventually import eventually
from tests.support.gatekeeper.full_disk import small_disk
from tests.support.gatekeeper.heart import journal_in, records_in
from tests.support.runtime.tokens import SetClock

RUN_ID = "0198-run"


def lines_of(journal: Journal, count: int) -> list[bytes]:
    """Return the lines of that many denials, numbered on."""
    return [
        journal_line(
            encode_access_event(
                access_event(journal.next_seq + index, gatekeeper=journal.run_id, reason=Reason.STALE)
            )
        )
        for index in range(count)
    ]


@contextmanager
def journal_on(root: Path, *, segment_bytes: int = 1 << 20, bytes_max: int = 1 << 30) -> Iterator[Journal]:
    """Open a journal."""
    directory = RunDirectory(root, RUN_ID)
    journal = journal_in(directory, SetClock(), segment_bytes=segment_bytes, bytes_max=bytes_max)
    try:
        yield journal
    finally:
        journal.close()


def seqs(root: Path) -> list[int]:
    """Return the numbers of the run's records in their order."""
    return [record.seq for record in records_in(root)]


def append(journal: Journal, count: int = 1) -> int:
    """Append events in one write, and return how many were taken."""
    return journal.append(lines_of(journal, count))


def writes() -> int:
    """Return how many write calls this process has made."""
    counters = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counters["syscw"])


def test_a_record_is_in_the_file_before_its_request_goes_on(tmp_path: Path) -> None:
    """What was appended is in the file, numbered from 1, before anything else is done."""
    with journal_on(tmp_path) as journal:
        for number in range(1, 4):
            assert append(journal) == 1
            assert seqs(tmp_path) == list(range(1, number + 1))
    assert {record.gatekeeper for record in records_in(tmp_path)} == {RUN_ID}


def test_one_tick_is_one_write(tmp_path: Path) -> None:
    """All lines that are appended together share one write; of none there is none."""
    with journal_on(tmp_path) as journal:
        lines = lines_of(journal, 500)
        before = writes()
        assert (journal.append(lines), journal.append([])) == (500, 0)
        assert writes() - before == 1
    assert seqs(tmp_path) == list(range(1, 501))


def test_files_rotate_and_are_named_for_their_first_record(tmp_path: Path) -> None:
    """A full file is closed; the next is named for the number it begins with, the first for the run's own."""
    with journal_on(tmp_path, segment_bytes=1000) as journal:
        for _ in range(10):
            append(journal)
    names = [int(path.stem) for path in sorted((tmp_path / RUN_ID).glob("*.journal"))]
    firsts = [
        decode_access_event(read_journal_line(path.read_bytes().splitlines()[0])).seq
        for path in sorted((tmp_path / RUN_ID).glob("*.journal"))
    ]
    assert len(names) > 2
    assert names == [0, *firsts[1:]]
    assert seqs(tmp_path) == list(range(1, 11))


def test_a_full_disk_refuses_what_does_not_fit_and_leaves_no_torn_line(tmp_path: Path) -> None:
    """What does not fit is refused; the numbers go on without a gap once there is room again."""
    with small_disk(tmp_path) as disk, journal_on(tmp_path) as journal:
        append(journal, 3)
        disk.fill()
        taken = [append(journal, 20) for _ in range(3)]
        assert taken[1:] == [0, 0]
        assert journal.fault is not None
        written = len(seqs(tmp_path))
        assert written == 3 + taken[0]
        disk.free()
        assert append(journal, 5) == 5
        assert journal.fault is None
        assert seqs(tmp_path) == list(range(1, written + 6))


async def test_a_journal_that_nobody_writes_to_finds_out_when_there_is_room(tmp_path: Path) -> None:
    """Readiness returns without a request: a gateway that heeds it would send none."""
    with small_disk(tmp_path) as disk, journal_on(tmp_path) as journal:
        disk.fill()
        while append(journal, 200) == 200:
            pass
        watch = asyncio.create_task(journal.watch(interval_s=0.01))
        disk.free()

        async def is_well() -> bool:
            return journal.fault is None

        await eventually(is_well)
        watch.cancel()


def test_the_journal_is_bounded(tmp_path: Path) -> None:
    """At its bound it refuses, and takes records again once the shipper has taken some away."""
    with capture_logs() as logs, journal_on(tmp_path, bytes_max=4000) as journal:
        while append(journal) == 1:
            journal.measure(journal_bytes(tmp_path))
        assert 3000 < journal_bytes(tmp_path) <= 4000
        journal.measure(0)
        assert append(journal) == 1
    assert [each["event"] for each in logs] == [
        "journal_half_full",
        "journal_unavailable",
        "journal_available",
    ]


def journal_bytes(root: Path) -> int:
    """Return what the run holds on the disk."""
    return sum(path.stat().st_size for path in (root / RUN_ID).iterdir())


def test_the_writers_life_shows_in_its_lock(tmp_path: Path) -> None:
    """Nobody can lock the run's lock file while the writer lives, and anybody once it is gone."""
    with journal_on(tmp_path), (tmp_path / RUN_ID / "lock").open() as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (tmp_path / RUN_ID / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
