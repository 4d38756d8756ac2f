"""Runs that are over: the numbers missing at their end are known exactly."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from keyfold.audit.ingest.maintenance import drop_old
from keyfold.audit.query.completeness_resources import CompletenessItem
from keyfold.domain.access.gatekeeper_run import ClosedRun
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.store.access_log.completeness.closed_runs import ClosedRuns
from keyfold.store.access_log.completeness.numbers import RunHour, read_run_hours
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.postgres.connection import Pool, open_pool
from keyfold.wire.access.closed_run import closed_run_record
from keyfold.wire.topics import ACCESS, DEAD_LETTER
from tests.support.access_events import EPOCH, access_event
from tests.support.audit.accounts import report_of
from tests.support.audit.following import consuming
from tests.support.audit.log import Log
from tests.support.bed import Topics
from tests.support.eventually import eventually
from tests.support.ingest.wires import Wires
from tests.support.runtime.tokens import SetClock
from tests.support.store.logins import login_of

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


def closed_run(
    last_seq: int, *, run: str = "gatekeeper-1", exact: bool = True, at: datetime = EPOCH
) -> ClosedRun:
    """Return the end of a run."""
    return ClosedRun(gatekeeper=run, last_seq=last_seq, is_exact=exact, at=at)


async def items(pool: Pool, caught_up_at: datetime | None = None) -> list[CompletenessItem]:
    """Return what a caller sees of all hours."""
    return [CompletenessItem.of(each, caught_up_at) for each in await report_of(pool)]


async def accounts(pool: Pool) -> list[tuple[list[tuple[int, int]], int | None, bool]]:
    """Return of each hour what is missing, after what nothing is known, and whether the run ended there."""
    return [
        ([(each.first, each.last) for each in item.missing_ranges], item.unknown_after, item.ended)
        for item in await items(pool)
    ]


async def test_an_end_that_never_came_is_missing(pool: Pool) -> None:
    """Numbers between the highest one filed and the run's last are missing, in the hour of the highest."""
    await Log(pool).file(access_event(1), access_event(3), access_event(5, at=EPOCH + HOUR))
    assert await accounts(pool) == [([(4, 4)], 5, False), ([(2, 2)], None, False)]
    await ClosedRuns(pool).note([closed_run(9)])
    assert await accounts(pool) == [([(4, 4), (6, 9)], None, True), ([(2, 2)], None, False)]
    newest, _ = await items(pool)
    assert (newest.expected, newest.filed, newest.missing) == (6, 1, 5)


async def test_an_end_that_comes_late_is_missing_no_more(pool: Pool) -> None:
    """A run may be closed before its last events are filed from other partitions; then none is missing."""
    log = Log(pool)
    await log.file(access_event(1))
    await ClosedRuns(pool).note([closed_run(3)])
    await log.file(access_event(2), access_event(3))
    assert await accounts(pool) == [([], None, True)]


async def test_an_uncertain_end_stays_unknown(pool: Pool) -> None:
    """With a damaged journal, or a machine that was down, the last known number may not be the last."""
    await Log(pool).file(access_event(1))
    await ClosedRuns(pool).note([closed_run(3, exact=False)])
    assert await accounts(pool) == [([(2, 3)], 3, False)]
    await ClosedRuns(pool).note([closed_run(1, run="other", exact=False)])
    await Log(pool, 1).file(access_event(2, gatekeeper="other"))
    assert ([(1, 1)], 2, False) in await accounts(pool)


async def test_repeats_change_nothing(pool: Pool) -> None:
    """A run that is closed again with less than is known stays as it was, also within one batch."""
    for number, (last_seq, exact) in enumerate(((9, True), (4, True), (9, False), (4, False))):
        run = f"run-{number}"
        await Log(pool, number).file(access_event(1, gatekeeper=run, at=EPOCH + number * HOUR))
        repeat = closed_run(last_seq, run=run, exact=exact)
        await ClosedRuns(pool).note([closed_run(9, run=run), repeat, repeat])
        before = await report_of(pool)
        await ClosedRuns(pool).note([repeat])
        assert await report_of(pool) == before
    assert await accounts(pool) == [([(2, 9)], None, True)] * 4


async def test_more_that_becomes_known_counts(pool: Pool) -> None:
    """A higher last number, or the same one but certain, replaces what was known."""
    await Log(pool).file(access_event(1))
    for each, account in (
        (closed_run(4, exact=False), ([(2, 4)], 4, False)),
        (closed_run(5, exact=False), ([(2, 5)], 5, False)),
        (closed_run(5), ([(2, 5)], None, True)),
    ):
        await ClosedRuns(pool).note([each])
        assert await accounts(pool) == [account]


async def test_a_run_of_which_nothing_came_is_missing(pool: Pool) -> None:
    """All numbers of such a run are missing, in the hour of its end, until one of them is filed."""
    log = Log(pool)
    await log.file(access_event(1, at=EPOCH + HOUR))
    await ClosedRuns(pool).note([closed_run(1), closed_run(7, run="lost", at=EPOCH + 0.5 * HOUR)])
    newest, oldest = await items(pool)
    assert (newest.gatekeeper, newest.missing) == ("gatekeeper-1", 0)
    assert (oldest.gatekeeper, oldest.hour, oldest.first, oldest.last) == ("lost", EPOCH, 1, 7)
    assert (oldest.expected, oldest.filed, oldest.missing, oldest.ended) == (7, 0, 7, True)
    await log.file(access_event(3, gatekeeper="lost", at=EPOCH - HOUR))
    assert await accounts(pool) == [([], None, True), ([(1, 2), (4, 7)], None, True)]


async def test_pages_are_the_whole(pool: Pool) -> None:
    """Runs of which nothing was filed are on the pages too, each once and in order."""
    await Log(pool).file(*(access_event(n, at=EPOCH + n * HOUR, gatekeeper=f"run-{n}") for n in range(4)))
    lost = [closed_run(5, run=f"run-{n}{name}", at=EPOCH + n * HOUR) for n in range(4) for name in "!z"]
    await ClosedRuns(pool).note([each for run in lost for each in (run, run)])
    whole, pages = await report_of(pool), list[RunHour]()
    while found := await _page(pool, pages):
        assert len(found) <= 2
        pages += found
    assert pages == whole
    assert len(whole) == 4 + 8


async def _page(pool: Pool, before: list[RunHour]) -> list[RunHour]:
    return list(
        await read_run_hours(
            pool,
            since=EPOCH - DAY,
            until=EPOCH + DAY,
            before=(before[-1].hour, before[-1].gatekeeper) if before else None,
            ranges_max=9,
            rows_max=2,
        )
    )


async def test_what_may_be_on_its_way_is_told_so(pool: Pool) -> None:
    """A run's end is certainly missing once all that Kafka had when it was noted is filed."""
    await Log(pool).file(access_event(1))
    await ClosedRuns(pool).note([closed_run(3)])
    noted_at: datetime = await pool.fetchval("select noted_at from access_log.closed_runs")
    assert [each.caught_up for each in await items(pool, EPOCH + HOUR)] == [False]
    assert [each.caught_up for each in await items(pool, noted_at)] == [True]


async def test_a_run_is_forgotten_with_its_numbers(pool: Pool, database: str, partitions: Partitions) -> None:
    """A run that ended over 90 days ago is missing no more; one with rows is kept."""
    old = EPOCH - 95 * DAY
    await partitions.make([old.date()])
    gone = [
        access_event(1, at=old + timedelta(seconds=second), gatekeeper=run)
        for second, run in enumerate(("gone", "late"))
    ]
    await Log(pool).file(*gone, access_event(1, gatekeeper="kept"))
    runs = [closed_run(2, run=run, at=old) for run in ("gone", "kept", "lost")]
    login = await login_of(database, "audit")
    async with open_pool(login, application_name="test") as auditor:  # with the service's rights alone
        for _ in range(2):
            await ClosedRuns(auditor).note([*runs, closed_run(2, run="late")])
        await drop_old(login, SetClock(at=EPOCH))
        left = await auditor.fetch("select gatekeeper from access_log.closed_runs order by 1")
        assert [row["gatekeeper"] for row in left] == ["kept", "late"]
        assert await accounts(auditor) == [([(2, 2)], None, True)]


async def test_a_closing_is_filed_from_kafka(
    pool: Pool, partitions: Partitions, kafka_access: KafkaAccess, topics: Topics, database: str
) -> None:
    """The end of a run, among events and repeated, is no dead letter, and missing numbers are reported."""
    assert await partitions.days() == {EPOCH.date()}
    async with Publisher(ProducerOptions(kafka=kafka_access)) as publisher:
        wires = Wires(
            kafka=kafka_access,
            dsn=database,
            topic=await topics("access", config=ACCESS.config),
            dead_letter_topic=await topics("dead-letter", config=DEAD_LETTER.config),
            publisher=publisher,
        )
        async with consuming(wires, pool) as consumer:
            await wires.publish(access_event(1), access_event(2))
            await wires.publish_raw([closed_run_record(closed_run(4))] * 2)
            await wires.publish(access_event(3))
            await eventually(lambda: _is_filed(consumer.delivery.written, 5))
        assert await wires.dead_letters() == []
    assert await accounts(pool) == [([(4, 4)], None, True)]


async def _is_filed(filed: object, offset: int) -> bool:
    return filed == {0: offset}
