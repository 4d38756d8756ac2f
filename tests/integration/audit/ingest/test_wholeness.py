"""Up to when the log is whole: never a time after a decision that it lacks, and as late as is known."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from keyfold.audit.query.completeness_resources import WholenessResource
from keyfold.domain.access.event import AccessEvent
from keyfold.domain.access.gatekeeper_run import ClosedRun
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.access_log.completeness.closed_runs import ClosedRuns
from keyfold.store.access_log.completeness.wholeness import (
    SETTLED_S,
    forget_runs_before,
    read_wholeness,
    update_wholeness,
)
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.enforcement.leases import Holder, Journalled, Leases
from keyfold.store.postgres.connection import Pool
from keyfold.wire.offsets import PartitionEnd
from tests.support.access_events import EPOCH, access_event
from tests.support.audit.log import Log

MINUTE: Final = timedelta(minutes=1)
SEEDS: Final = range(12)


def run_id(number: int, begun: datetime = EPOCH) -> str:
    """Name a run that began then."""
    ms = (begun - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return f"{ms:012x}"[:8] + "-" + f"{ms:012x}"[8:] + f"-7000-8000-{number:012}"


@dataclass(slots=True, kw_only=True)
class Gatekeeper:
    """A run that decides once a minute from EPOCH on, and says how much it has journalled."""

    pool: Pool
    log: Log
    run: str
    decided: list[AccessEvent] = field(default_factory=list)
    filed: set[int] = field(default_factory=set)

    def decide(self, at: datetime) -> None:
        """Decide once more."""
        seq = len(self.decided) + 1
        number = seq + hash(self.run) % 10**9 * 1000
        self.decided.append(access_event(number, at=at, gatekeeper=self.run, seq=seq))

    async def file(self, *seqs: int) -> None:
        """File decisions of these numbers."""
        self.filed |= set(seqs)
        await self.log.file(*(self.decided[seq - 1] for seq in seqs))

    async def tell(self, at: datetime) -> None:
        """Beat, as of a time that all decisions so far are from before."""
        holder = Holder(id=self.run, host="host", lease_s=60)
        await Leases(self.pool).renew(holder, 0, Journalled(number=len(self.decided), at=at))

    async def end(self, last: int | None = None, *, exact: bool = True, at: datetime = EPOCH) -> None:
        """Go, and have a shipper close the run."""
        await Leases(self.pool).withdraw(Holder(id=self.run, host="host", lease_s=60))
        last = len(self.decided) if last is None else last
        await ClosedRuns(self.pool).note(
            [ClosedRun(gatekeeper=self.run, last_seq=last, is_exact=exact, at=at)]
        )

    def lacked(self) -> Sequence[AccessEvent]:
        """Return the decisions that the log has not."""
        return [each for each in self.decided if each.seq not in self.filed]


@pytest.fixture
def gatekeeper(pool: Pool) -> Gatekeeper:
    """A gatekeeper that has decided nothing yet."""
    return Gatekeeper(pool=pool, log=Log(pool), run=run_id(1))


async def read_answer(pool: Pool) -> WholenessResource:
    """Return what a caller is told now."""
    await update_wholeness(pool)
    return WholenessResource.of(await read_wholeness(pool, "access"))


async def until(pool: Pool) -> datetime | None:
    """Return up to when the log is said to be whole."""
    return (await read_answer(pool)).whole_until


async def settle(pool: Pool) -> None:
    """Have everything that Kafka has filed, for longer than anything needs."""
    asked_at = SYSTEM_CLOCK.now() + timedelta(seconds=SETTLED_S + 5)
    await AccessLog(pool, "access").note_caught_up({0: PartitionEnd(offset=0, asked_at=asked_at)})


async def test_of_no_gatekeeper_nothing_is_known(pool: Pool) -> None:
    """Where nobody was ever heard of, nothing is claimed."""
    found = await read_answer(pool)
    assert (found.whole_until, found.because, found.missing) == (None, "unknown", 0)


async def test_it_is_whole_as_far_as_its_gatekeeper_says(pool: Pool, gatekeeper: Gatekeeper) -> None:
    """One that decides nothing holds nobody up; what it has decided is waited for."""
    await gatekeeper.tell(EPOCH + MINUTE)
    assert await until(pool) == EPOCH + MINUTE
    gatekeeper.decide(EPOCH + 2 * MINUTE)
    await gatekeeper.tell(EPOCH + 3 * MINUTE)
    found = await read_answer(pool)
    assert (found.whole_until, found.because, found.missing) == (EPOCH + MINUTE, "not_caught_up", 1)
    await gatekeeper.file(1)
    assert await until(pool) == EPOCH + 3 * MINUTE
    await gatekeeper.tell(EPOCH + 9 * MINUTE)
    assert await until(pool) == EPOCH + 9 * MINUTE


async def test_just_now_is_no_because(pool: Pool, gatekeeper: Gatekeeper) -> None:
    """What is known up to a moment ago is all that can be; and never more than now is said."""
    await gatekeeper.tell(SYSTEM_CLOCK.now())
    assert (await read_answer(pool)).because is None
    await gatekeeper.tell(SYSTEM_CLOCK.now() + timedelta(hours=1))
    assert (await read_answer(pool)).whole_until <= SYSTEM_CLOCK.now()  # type: ignore[operator]


async def test_a_number_that_never_came_is_missing(pool: Pool, gatekeeper: Gatekeeper) -> None:
    """It is on its way until Kafka had time to get it, and missing from then on, with how many there are."""
    for minute in range(1, 6):
        gatekeeper.decide(EPOCH + minute * MINUTE)
    await gatekeeper.tell(EPOCH + 1.5 * MINUTE)
    await gatekeeper.file(1, 5)
    await gatekeeper.tell(EPOCH + 6 * MINUTE)
    assert (await read_answer(pool)).because == "not_caught_up"
    await settle(pool)
    found = await read_answer(pool)
    assert (found.because, found.missing) == ("missing", 3)
    assert "3 requests" in found.sentence
    assert found.whole_until is not None
    assert found.whole_until <= gatekeeper.decided[1].at
    await gatekeeper.file(2, 3, 4)
    assert await until(pool) == EPOCH + 6 * MINUTE


async def test_one_that_died_is_not_known(pool: Pool, gatekeeper: Gatekeeper) -> None:
    """Of one that is silent nobody knows what it journalled last, until its shipper closes the run."""
    gatekeeper.decide(EPOCH)
    await gatekeeper.file(1)
    await gatekeeper.tell(EPOCH + MINUTE)
    other = Gatekeeper(pool=pool, log=Log(pool, 1), run=run_id(2))
    await other.tell(EPOCH + 5 * MINUTE)
    found = await read_answer(pool)
    assert (found.whole_until, found.because) == (EPOCH + MINUTE, "unknown")
    await gatekeeper.end(exact=False)
    assert await until(pool) == EPOCH + MINUTE
    await gatekeeper.end(exact=True)
    assert await until(pool) == EPOCH + 5 * MINUTE


async def test_an_end_says_what_is_lacking(pool: Pool, gatekeeper: Gatekeeper) -> None:
    """A run is over once each number up to its last is there, and not because it was closed."""
    for minute in range(4):
        gatekeeper.decide(EPOCH + minute * MINUTE)
    await gatekeeper.file(1, 2)
    await gatekeeper.end(at=EPOCH + 4 * MINUTE)
    found = await read_answer(pool)
    assert (found.because, found.missing) == ("not_caught_up", 2)
    assert found.whole_until is not None
    assert found.whole_until <= gatekeeper.decided[2].at
    await gatekeeper.file(3, 4)
    assert await until(pool) == EPOCH + 4 * MINUTE


async def test_one_that_decided_nothing_ends_too(pool: Pool, gatekeeper: Gatekeeper) -> None:
    """Nobody waits for the first decision of a run that is over."""
    await gatekeeper.tell(EPOCH + MINUTE)
    await update_wholeness(pool)
    await gatekeeper.end(at=EPOCH)
    other = Gatekeeper(pool=pool, log=Log(pool, 1), run=run_id(2))
    await other.tell(EPOCH + 9 * MINUTE)
    assert await until(pool) == EPOCH + 9 * MINUTE


async def test_one_that_says_nothing_counts_by_the_hour(pool: Pool) -> None:
    """Of a gatekeeper of a version before, what is filed tells up to when it is whole, and no more."""
    old = Gatekeeper(pool=pool, log=Log(pool), run="gatekeeper-1")
    assert old.decided == []
    for hour in range(3):
        old.decide(EPOCH + timedelta(hours=hour, minutes=20))
    await old.file(1, 2)
    assert await until(pool) == EPOCH + timedelta(hours=1)
    await old.file(3)
    assert await until(pool) == EPOCH + timedelta(hours=2)


async def test_a_clock_that_is_set_back_takes_back_what_was_said(pool: Pool, gatekeeper: Gatekeeper) -> None:
    """What is decided after that may have a time that was said to be over."""
    await gatekeeper.tell(EPOCH + 9 * MINUTE)
    assert await until(pool) == EPOCH + 9 * MINUTE
    await gatekeeper.tell(EPOCH + 2 * MINUTE)
    assert await until(pool) == EPOCH + 2 * MINUTE


async def test_what_is_forgotten_holds_nobody_up(database: str, pool: Pool, gatekeeper: Gatekeeper) -> None:
    """A run of which the log keeps nothing any more says nothing of it."""
    gatekeeper.decide(EPOCH)
    await gatekeeper.tell(EPOCH + MINUTE)
    await update_wholeness(pool)
    await Leases(pool).withdraw(Holder(id=gatekeeper.run, host="host", lease_s=60))
    await forget_runs_before(database, EPOCH.date())
    assert (await read_answer(pool)).missing == 1
    await forget_runs_before(database, EPOCH.date() + timedelta(days=1))
    assert (await read_answer(pool)).because == "unknown"
    assert (await read_answer(pool)).missing == 0


@pytest.mark.parametrize("seed", SEEDS)
async def test_it_never_claims_what_it_lacks(pool: Pool, seed: int) -> None:
    """Whatever is filed, said, lost and closed in whatever order: no decision that the log lacks is from
    before the time that is claimed, and once all is there it is claimed up to what was said last.
    """
    chance = random.Random(seed)
    runs = [Gatekeeper(pool=pool, log=Log(pool, each), run=run_id(each)) for each in range(3)]
    now = EPOCH
    live = set(range(3))
    for number in live:
        await runs[number].tell(now)
    for _ in range(40):
        now += chance.random() * MINUTE
        number = chance.randrange(3)
        run = runs[number]
        lacked = [each.seq for each in run.lacked()]
        match chance.choice(("decide", "decide", "decide", "file", "file", "tell", "tell", "end")):
            case "decide" if number in live:
                run.decide(now)
            case "file" if lacked:
                await run.file(*chance.sample(lacked, chance.randint(1, len(lacked))))
            case "tell" if number in live:
                await run.tell(now)
            case "end" if number in live and len(live) > 1 and chance.random() < 0.2:
                live.remove(number)
                await run.end(exact=chance.random() < 0.7, at=now)
            case _:
                continue
        claimed = await until(pool)
        assert claimed is not None
        assert all(claimed <= each.at for each_run in runs for each in each_run.lacked())
    for number, run in enumerate(runs):
        if lacked := [each.seq for each in run.lacked()]:
            await run.file(*lacked)
        if number in live:
            await run.tell(now)
        else:
            await run.end(exact=True, at=now)
    assert await until(pool) == now
