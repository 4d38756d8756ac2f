"""The log's maintenance: make partitions a week ahead, add up finished days, drop what is too old."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from keyfold.audit import metrics
from keyfold.audit.retention import days_ahead, days_to_have, oldest_day
from keyfold.runtime.clock import Clock
from keyfold.store.access_log.arrivals import ORDER_RETENTION as ORDER_KEPT
from keyfold.store.access_log.arrivals import delete_batches
from keyfold.store.access_log.completeness.closed_runs import forget_closed_before
from keyfold.store.access_log.completeness.filed_numbers import forget_numbers_before
from keyfold.store.access_log.completeness.wholeness import forget_runs_before
from keyfold.store.access_log.counts import delete_counts_before
from keyfold.store.access_log.day_sums import sum_days
from keyfold.store.access_log.partitions import Partitions, drop_before
from keyfold.store.access_log.run_records import forget_run_records_before
from keyfold.store.postgres.errors import DatabaseAway

INTERVAL_S: Final = 300.0
_RETRY_S: Final = 2.0

log = structlog.get_logger(__name__)


async def make_ahead(partitions: Partitions, clock: Clock) -> None:
    """Make the missing partitions from yesterday to a week ahead. Raises DatabaseAway."""
    now = clock.now()
    made = await partitions.make(days_to_have(now))
    if made:
        log.info("partitions_made", days=sorted(str(day) for day in made))
    days = await partitions.days()
    # Computed whenever it is scraped: it must fall as days pass if no more partitions are made.
    metrics.DAYS_AHEAD.set_function(lambda: days_ahead(days, clock.now()))


async def drop_old(dsn: str, clock: Clock) -> None:
    """Drop what is older than 90 days, partition by partition, with its counts, and old arrival batches.

    Raises DatabaseAway.
    """
    oldest = oldest_day(clock.now())
    dropped = await drop_before(dsn, oldest)
    await delete_counts_before(dsn, oldest)
    await forget_numbers_before(dsn, oldest)
    await forget_run_records_before(dsn, oldest)
    await forget_closed_before(dsn, oldest)
    await forget_runs_before(dsn, oldest)
    await delete_batches(dsn, clock.now() - ORDER_KEPT)
    if dropped:
        log.info("partitions_dropped", days=sorted(str(day) for day in dropped))


async def sum_up(dsn: str, clock: Clock) -> None:
    """Add up the finished days that are not, or no longer, added up. Raises DatabaseAway."""
    now = clock.now()
    if summed := await sum_days(dsn, oldest_day(now), now.date()):
        log.info("days_summed", days=summed)


async def repeat(what: str, work: Callable[[], Awaitable[None]], *, interval_s: float = INTERVAL_S) -> None:
    """Do the work at every interval, forever; sooner after PostgreSQL was away."""
    while True:
        try:
            await work()
            pause_s = interval_s
        except DatabaseAway as away:
            log.warning("waiting", what="PostgreSQL", reason=str(away), work=what)
            pause_s = _RETRY_S
        await asyncio.sleep(pause_s)
