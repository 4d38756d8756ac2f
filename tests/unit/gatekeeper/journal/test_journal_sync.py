"""What is on the disk, and when: a disk that keeps account of what is done to it, and may fail or be slow."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from keyfold.gatekeeper.journal.directory import RunDirectory
from keyfold.gatekeeper.journal.segment import Segment
from keyfold.gatekeeper.journal.writer import Journal
from keyfold.gatekeeper.settings import JournalSync
from tests.support.eventually import eventually
from tests.support.gatekeeper.heart import WAIT_MAX_S, Clock, journal_in

LINES = [b"%08d\n" % number for number in range(50)]

NEWLINE = b"\n"


@dataclass
class Disk:
    """What was done to it, in order, and what becomes of the next attempt to wait for it."""

    clock: Clock = field(default_factory=Clock)
    done: list[str] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    fails: bool = False
    takes_s: float = 0.0

    def wait(self, what: str) -> None:
        """Take note, and take as long as it takes."""
        self.threads.add(threading.get_ident())
        self.clock.seconds += self.takes_s
        if self.fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self.done.append(what)

    def segment(self, directory: Path, first_seq: int) -> Segment:
        """Return a new file on it."""
        segment = OnDisk.create(directory, first_seq)
        segment.disk, segment.name = self, f"file {first_seq}"
        return segment


class OnDisk(Segment):
    """A file on such a disk."""

    disk: Disk
    name: str

    def append(self, lines: bytes) -> int:
        written = super().append(lines)
        self.disk.done.append(f"{lines.count(NEWLINE, 0, written)} lines")
        return written

    def sync(self) -> None:
        super().sync()
        self.disk.wait(self.name)


class OnDiskDirectory(RunDirectory):
    """A directory on such a disk."""

    disk: Disk

    def sync(self) -> None:
        super().sync()
        self.disk.wait("names")


@pytest.fixture
def disk() -> Disk:
    """A disk that works."""
    return Disk()


@contextmanager
def journal_on(
    disk: Disk, root: Path, sync: JournalSync, *, segment_bytes: int = 1 << 20
) -> Iterator[Journal]:
    """Open a journal on the disk."""
    directory = OnDiskDirectory(root, "run")
    directory.disk = disk
    journal = journal_in(
        directory, disk.clock, sync=sync, segment_bytes=segment_bytes, new_segment=disk.segment
    )
    with closing(journal):
        yield journal


def names(root: Path) -> list[int]:
    """Return the numbers that the files begin with."""
    return sorted(int(path.stem) for path in (root / "run").glob("*.journal"))


def test_a_tick_waits_once_for_the_disk(disk: Disk, tmp_path: Path) -> None:
    """Always: when lines count as written they are on the disk, all of a tick together, by one wait."""
    with journal_on(disk, tmp_path, "always") as journal:
        assert (journal.append(LINES), journal.append(LINES[:1])) == (50, 1)
        assert disk.done == ["50 lines", "file 0", "names", "1 lines", "file 0"]


def test_a_new_file_is_on_the_disk_with_its_name(disk: Disk, tmp_path: Path) -> None:
    """Always: a file that nobody could find after a power cut would hold nothing."""
    with journal_on(disk, tmp_path, "always", segment_bytes=400) as journal:
        for _ in range(2):
            journal.append(LINES)
        assert disk.done == ["50 lines", "file 0", "names", "50 lines", "file 51", "names"]


def test_off_waits_for_nothing(disk: Disk, tmp_path: Path) -> None:
    """Off: not even at the end."""
    with journal_on(disk, tmp_path, "off", segment_bytes=400) as journal:
        for _ in range(3):
            journal.append(LINES)
    assert disk.done == ["50 lines"] * 3


def test_what_the_disk_did_not_take_is_answered_by_nobody(disk: Disk, tmp_path: Path) -> None:
    """Always: lines that did not reach the disk keep their numbers, in a file that is left."""
    with journal_on(disk, tmp_path, "always") as journal:
        assert journal.append(LINES) == 50
        disk.fails = True
        assert (journal.append(LINES[:2]), journal.next_seq) == (0, 53)
        assert journal.fault is not None
        disk.fails = False
        assert (journal.append(LINES[:2]), journal.next_seq) == (2, 55)
    assert names(tmp_path) == [0, 53]


async def test_a_disk_that_takes_too_long_counts_as_gone(disk: Disk, tmp_path: Path) -> None:
    """Always: the whole way to the disk must not take long, and what is tried in between goes all of it."""
    with journal_on(disk, tmp_path, "always") as journal, run_watch(journal):
        disk.takes_s = WAIT_MAX_S + 0.01
        assert journal.append(LINES) == 0
        attempts = len(disk.done)

        async def was_tried() -> bool:
            return len(disk.done) > attempts + 1

        await eventually(was_tried)
        assert journal.fault is not None
        disk.takes_s = 0.0
        await wait_for_recovery(journal)
        assert journal.append(LINES) == 50


@contextmanager
def run_watch(journal: Journal) -> Iterator[None]:
    """Look after the journal, many times a second."""
    watch = asyncio.create_task(journal.watch(interval_s=0.005))
    try:
        yield
    finally:
        watch.cancel()


async def wait_for_recovery(journal: Journal) -> None:
    """Return when the journal says that it takes records."""

    async def is_well() -> bool:
        return journal.fault is None

    await eventually(is_well)


async def test_an_interval_is_nobodys_wait(disk: Disk, tmp_path: Path) -> None:
    """Interval: full files and the newest reach the disk with their names, on a thread of their own."""
    with journal_on(disk, tmp_path, "interval", segment_bytes=400) as journal:
        for _ in range(3):
            journal.append(LINES)
        assert disk.done == ["50 lines"] * 3
        with run_watch(journal):

            async def are_synced() -> bool:
                return {"file 0", "file 51", "file 101", "names"} <= set(disk.done)

            await eventually(are_synced)
        assert threading.get_ident() not in disk.threads
        assert (disk.done.count("file 0"), disk.done.count("file 51")) == (1, 1)


async def test_an_interval_whose_sync_fails_raises_an_alarm(disk: Disk, tmp_path: Path) -> None:
    """Interval: what may be lost is told, and what comes next goes to another file."""
    with capture_logs() as logs, journal_on(disk, tmp_path, "interval") as journal, run_watch(journal):
        journal.append(LINES)
        disk.fails = True

        async def is_told() -> bool:
            return bool(logs)

        await eventually(is_told)
        disk.fails = False
        assert journal.append(LINES) == 50
        assert names(tmp_path) == [0, 51]
    assert [each["event"] for each in logs[:2]] == ["journal_unavailable", "journal_available"]


async def test_files_that_fill_while_the_disk_is_busy_are_no_trouble(disk: Disk, tmp_path: Path) -> None:
    """Interval: files come and go on one thread while another waits for them; each reaches the disk."""
    with journal_on(disk, tmp_path, "interval", segment_bytes=100) as journal, run_watch(journal):
        for _ in range(100):
            assert journal.append(LINES) == 50
            await asyncio.sleep(0)

        async def are_synced() -> bool:
            return {f"file {first}" for first in names(tmp_path)} <= set(disk.done)

        await eventually(are_synced)
        assert journal.fault is None


@pytest.mark.parametrize("sync", ["interval", "always"])
def test_an_end_in_order_leaves_everything_on_the_disk(disk: Disk, tmp_path: Path, sync: JournalSync) -> None:
    """Whoever stops a gatekeeper and then the machine loses nothing."""
    with journal_on(disk, tmp_path, sync, segment_bytes=400) as journal:
        for _ in range(2):
            journal.append(LINES)
    assert {"file 0", "file 51", "names"} <= set(disk.done)
    assert not any(str(tmp_path) in path for path in open_files())


def open_files() -> Iterator[str]:
    """Yield the path of every file that this process has open."""
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            yield str(each.readlink())
