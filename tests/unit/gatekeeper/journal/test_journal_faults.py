"""A journal that fails: every request refused with 503, an alarm, no unlogged allow, and a way back."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest
from structlog.testing import capture_logs

from keyfold.gatekeeper.journal.directory import RunDirectory
from keyfold.gatekeeper.journal.segment import Segment
from keyfold.gatekeeper.readiness import add_checks
from keyfold.runtime.health import Health
from keyfold.wire.journal.files import segment_name
from tests.support.eventually import eventually
from tests.support.gatekeeper.failing_disk import Disk, Watched, list_of, refused_requests
from tests.support.gatekeeper.heart import (
    WAIT_MAX_S,
    Heart,
    heart_in,
    journal_in,
    reason_of,
    records_in,
)

REFUSED = (503, "journal_unavailable")
ALLOWED = (200, None)


@pytest.fixture
def disk() -> Disk:
    """A disk that works."""
    return Disk()


@pytest.fixture
async def watched(tmp_path: Path, disk: Disk) -> AsyncIterator[Watched]:
    """A gatekeeper whose journal is on that disk, in files of a few records each."""
    with (
        heart_in(tmp_path, clock=disk.clock, new_segment=disk.segment, segment_bytes=1500) as heart,
        capture_logs() as logs,
    ):
        health = Health()
        add_checks(health, heart.replica, heart.lease, heart.journal, heart.clock)
        yield Watched(heart, health, list_of(logs), refused_requests())


def seqs(heart: Heart) -> list[int]:
    """Return the numbers of all records in their order."""
    return [record.seq for record in heart.records()]


async def test_a_slow_disk_counts_as_gone_until_it_is_quick_again(watched: Watched, disk: Disk) -> None:
    """A write that takes too long makes its answers 503; those after it are refused without any wait."""
    disk.write_s = WAIT_MAX_S
    assert await watched.ask() == ALLOWED
    disk.write_s = WAIT_MAX_S + 0.01
    waiting = [watched.heart.ask() for _ in range(3)]
    await asyncio.sleep(0)
    assert [reason_of(each.answers[0]) for each in waiting] == ["journal_unavailable"] * 3
    writes = disk.writes
    assert [await watched.ask() for _ in range(5)] == [REFUSED] * 5
    assert disk.writes == writes
    assert watched.alarms == (False, 8, ["journal_unavailable"])
    disk.write_s = 0.0
    async with watched.watched():
        await watched.recovers()
    assert await watched.ask() == ALLOWED
    assert watched.alarms == (True, 8, ["journal_unavailable", "journal_available"])
    # What was written too slowly was written: in the record as an allow that nobody got.
    assert seqs(watched.heart) == [1, 2, 3, 4, 5]


class SlowToProbe(RunDirectory):
    """A directory in which an attempt to write takes as long as a write."""

    probes = 0
    disk: Disk

    def probe(self) -> None:
        super().probe()
        self.probes += 1
        self.disk.clock.seconds += self.disk.write_s


async def test_a_slow_disk_is_not_quick_because_it_answers(tmp_path: Path, disk: Disk) -> None:
    """As long as the attempts to write take too long the journal takes nothing."""
    directory = SlowToProbe(tmp_path, "run")
    directory.disk = disk
    journal = journal_in(directory, disk.clock, new_segment=disk.segment)
    disk.write_s = WAIT_MAX_S + 0.01
    watch = asyncio.create_task(journal.watch(interval_s=0.005))
    assert (journal.append([b"one\n"]), journal.append([b"two\n"])) == (0, 0)

    async def was_tried() -> bool:
        return directory.probes >= 3

    await eventually(was_tried)
    assert (journal.append([b"three\n"]), journal.fault is None) == (0, False)
    disk.write_s = 0.0

    async def is_well() -> bool:
        return journal.fault is None

    await eventually(is_well)
    assert (journal.append([b"four\n"]), disk.writes) == (1, 2)
    watch.cancel()
    journal.close()


@pytest.mark.parametrize("error", [errno.EIO, errno.EROFS, errno.ENOSPC, errno.EDQUOT])
async def test_a_disk_that_fails_lets_nothing_through(watched: Watched, disk: Disk, error: int) -> None:
    """While every write fails every request is 503, with one line in the log and no litter on the disk."""
    assert [await watched.ask() for _ in range(2)] == [ALLOWED] * 2
    disk.error = error
    assert [await watched.ask() for _ in range(10)] == [REFUSED] * 10
    assert watched.alarms == (False, 10, ["journal_unavailable"])
    assert len(list(watched.heart.root.glob("*/*.journal"))) <= 2
    disk.error = None
    assert [await watched.ask() for _ in range(2)] == [ALLOWED] * 2
    assert watched.alarms == (True, 10, ["journal_unavailable", "journal_available"])
    assert seqs(watched.heart) == [1, 2, 3, 4]


@pytest.mark.parametrize("written", [0, 2])
async def test_a_file_that_never_works_again_is_left(tmp_path: Path, written: int) -> None:
    """A file into which nothing can be written any more is given up for another one, without a restart."""
    broken: list[Segment] = []

    class Breaking(Segment):
        """Breaks for good after some writes: its descriptor is one that cannot be written to."""

        @classmethod
        def create(cls, directory: Path, first_seq: int) -> Self:
            segment = super().create(directory, first_seq)
            if not broken:
                broken.append(segment)
            return segment

        def append(self, lines: bytes) -> int:
            if self in broken and self.size_bytes >= written * 300:
                descriptor = os.open("/dev/null", os.O_RDONLY)
                try:
                    return os.write(descriptor, lines)
                finally:
                    os.close(descriptor)
            return super().append(lines)

    with heart_in(tmp_path, new_segment=Breaking.create) as heart:
        statuses = [(await heart.answer()).status for _ in range(written + 3)]
        assert statuses == [200] * written + [503, 200, 200]
        assert heart.journal.fault is None
        assert seqs(heart) == list(range(1, written + 3))
        names = sorted(path.name for path in (tmp_path / "run").glob("*.journal"))
        assert names == sorted({segment_name(0), segment_name(written + 1)})


async def test_a_directory_that_cannot_be_written_to_stops_the_next_file(watched: Watched) -> None:
    """Where no further file can be made, as without permission, what needs one is refused, until it can."""
    directory, aside = watched.heart.root / "run", watched.heart.root / "aside"
    answers = [await watched.ask()]
    directory.rename(aside)
    while answers[-1] == ALLOWED:
        answers.append(((await watched.heart.answer()).status, None))
    assert [await watched.ask() for _ in range(3)] == [REFUSED] * 3
    assert watched.alarms == (False, 4, ["journal_unavailable"])
    async with watched.watched():
        for _ in range(20):
            await asyncio.sleep(0)
        assert await watched.ask() == REFUSED
        aside.rename(directory)
        await watched.recovers()
    assert await watched.ask() == ALLOWED
    assert seqs(watched.heart) == list(range(1, len(answers) + 1))


async def test_a_file_that_is_removed_is_missed(watched: Watched) -> None:
    """Records that nobody will ever find raise an alarm, and the next ones are where they can be found."""
    assert await watched.ask() == ALLOWED
    (watched.heart.root / "run" / segment_name(0)).unlink()
    async with watched.watched():

        async def is_missed() -> bool:
            return len(watched.logs) >= 2

        await eventually(is_missed)
    assert watched.alarms == (True, 0, ["journal_unavailable", "journal_available"])
    assert await watched.ask() == ALLOWED
    assert seqs(watched.heart) == [2]


async def test_a_directory_that_is_removed_stops_everything(watched: Watched) -> None:
    """Without its directory a journal takes nothing more, and the gatekeeper says that it is not ready."""
    assert await watched.ask() == ALLOWED
    shutil.rmtree(watched.heart.root / "run")
    async with watched.watched():

        async def is_unready() -> bool:
            return not watched.alarms[0]

        await eventually(is_unready)
        for _ in range(20):
            await asyncio.sleep(0)
        assert [await watched.ask() for _ in range(3)] == [REFUSED] * 3
    assert not watched.alarms[0]
    assert records_in(watched.heart.root) == []
