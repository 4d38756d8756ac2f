"""A log's size: bytes a row in its tables, in their indexes, and in the WAL when it is filed."""

from __future__ import annotations

from typing import Final

from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import Pool
from keyfold.wire.offsets import Advance
from keyfold.wire.topics import ACCESS
from tests.bench.batches import batches
from tests.bench.contest import Figure, Figures
from tests.bench.load.traffic import traffic

ROWS: Final = Figure(name="rows, B/row", more_is_better=False)
INDEXES: Final = Figure(name="their indexes, B/row", more_is_better=False)
COUNTS: Final = Figure(name="counts, B/row", more_is_better=False)
WAL: Final = Figure(name="WAL, B/row", more_is_better=False)
FILED_ROWS, BATCH_ROWS = 100_000, 5_000
_SIZES: Final = """
select
    sum(pg_relation_size(relid)) / $1::float8 as rows,
    sum(pg_indexes_size(relid)) / $1::float8 as indexes,
    (pg_total_relation_size('access_log.hourly_counts')
        + pg_total_relation_size('access_log.daily_counts')) / $1::float8 as counts
from pg_partition_tree('access_log.events')
where isleaf
"""


async def measure_disk(pool: Pool, rows: int) -> Figures:
    """Return how much each of these rows takes in the tables, and one that is filed now in the WAL."""
    sizes = await pool.fetchrow(_SIZES, rows)
    return {
        ROWS.name: sizes["rows"],
        INDEXES.name: sizes["indexes"],
        COUNTS.name: sizes["counts"],
        WAL.name: await _wal_bytes_a_row(pool),
    }


async def _wal_bytes_a_row(pool: Pool) -> float:
    access_log = AccessLog(pool, ACCESS.name)
    # A partition that the service beside it does not read.
    events = traffic(1, FILED_ROWS, SYSTEM_CLOCK.now())
    before = await pool.fetchval("select pg_current_wal_insert_lsn()")
    for batch in batches(events, BATCH_ROWS):
        step = Advance(partition=ACCESS.partitions, expected=batch[0].seq, next=batch[-1].seq + 1)
        await access_log.file(batch, [step])
    written = "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1)::float8"
    return float(await pool.fetchval(written, before)) / FILED_ROWS
