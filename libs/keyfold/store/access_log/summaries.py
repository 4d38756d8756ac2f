"""Someone's activity counted by the hour or the day, from the counts that were made as rows were filed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from keyfold.store.access_log.day_sums import Sums, find_sums
from keyfold.store.access_log.scope import CONDITIONS, COUNTED, SUMMED, Filters, Scope, conditions, prepare
from keyfold.store.postgres.connection import Connection, Pool
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements

_sql = load_statements("access_log/summaries", conditions=CONDITIONS, counted=COUNTED, summed=SUMMED)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# How many buckets are read together at first: the newest few fill most pages.
_BUCKETS_FIRST: Final = 2
_SUMMED_DAYS_FIRST: Final = 31
_MORE_MAX: Final = 4


class Bucket(StrEnum):
    """The unit into which time is divided, in UTC."""

    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        """The length of one bucket."""
        return _HOUR if self is Bucket.HOUR else _DAY


class Dimension(StrEnum):
    """What requests are counted by, in the order of a summary."""

    VENDOR = "vendor"
    KEY = "key"
    CATEGORY = "category"
    ACCESS = "access"
    DECISION = "decision"
    REASON = "reason"

    @property
    def column(self) -> str:
        """The column of the counts that holds it."""
        return _COLUMNS[self]


_COLUMNS: Final = {
    Dimension.VENDOR: "vendor_id",
    Dimension.KEY: "key_id",
    Dimension.CATEGORY: "category",
    Dimension.ACCESS: "access",
    Dimension.DECISION: "reason",
    Dimension.REASON: "reason",
}


class SummaryCount(NamedTuple):
    """How many requests there were in the bucket that begins at `start`.

    `combination` is what they have in common, in the order of `Dimension`; "" for none, or for a dimension
    that was not asked for.
    """

    start: datetime
    combination: Sequence[str]
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryQuestion:
    """Whose activity, which of it, and how to count it; `since` is included and `until` is not.

    `before` is the start and the combination of the last count of the page before.
    """

    scope: Scope
    filters: Filters
    since: datetime
    until: datetime
    bucket: Bucket
    by: frozenset[Dimension]
    before: tuple[datetime, Sequence[str]] | None = None


async def read_summary(pool: Pool, question: SummaryQuestion, *, counts_max: int) -> Sequence[SummaryCount]:
    """Return the counts of the newest buckets, newest first, as of one moment. Raises DatabaseAway."""
    counts: list[SummaryCount] = []
    length, until = question.bucket.length, _end(question)
    with translate_errors():
        async with pool.acquire() as connection:
            await prepare(connection)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                summed = await _find_summed(connection, question, until)
                buckets = _SUMMED_DAYS_FIRST if summed.days else _BUCKETS_FIRST
                while until > question.since and (wanted := counts_max - len(counts)) > 0:
                    since = max(question.since, _round_up(until, length) - buckets * length)
                    rows = _sql.summary(
                        connection, **_values(question, summed, since, until), rows_max=wanted
                    )
                    found = [SummaryCount._make(row) async for row in rows]
                    counts += found
                    until, buckets = since, buckets_next(buckets, len(found), counts_max - len(counts))
    return counts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Summed:
    """The sums that answer the question, if any, and the days that have them."""

    sums: Sums | None
    days: frozenset[datetime] = frozenset()


async def _find_summed(connection: Connection, question: SummaryQuestion, until: datetime) -> _Summed:
    sums = find_sums(question.scope, question.filters, {each.column for each in question.by})
    if sums is None or question.bucket is Bucket.HOUR:
        return _Summed(sums=sums)
    return _Summed(sums=sums, days=await sums.days(connection, question.since, until))


def _end(question: SummaryQuestion) -> datetime:
    if question.before is None:
        return question.until
    return min(question.until, question.before[0] + question.bucket.length)


def buckets_next(buckets: int, found: int, wanted: int) -> int:
    """Return how many buckets to read next, when `buckets` gave `found` counts and `wanted` are missing."""
    enough = -(-buckets * wanted // found) if found else _MORE_MAX * buckets
    return max(1, min(enough, _MORE_MAX * buckets))


def _values(
    question: SummaryQuestion, summed: _Summed, since: datetime, until: datetime
) -> dict[str, object]:
    before_start, before = question.before or (None, None)
    whole = _whole_units(question.bucket, since, until)
    days = set(_days(whole["first_day"], whole["last_day"]))
    return {
        **conditions(question.scope, question.filters),
        **{f"by_{each}": each in question.by for each in Dimension},
        **whole,
        "owner": summed.sums and summed.sums.owner,
        "kind": summed.sums and summed.sums.kind,
        "summed_days": sorted(days & summed.days),
        "counted_days": sorted(days - summed.days),
        "unit": question.bucket,
        "since": since,
        "until": until,
        "before_start": before_start,
        "before": before,
    }


def _whole_units(bucket: Bucket, since: datetime, until: datetime) -> Mapping[str, datetime]:
    """Return the bounds of the whole hours in this time, and of the whole days to be read as days."""
    first_hour, last_hour = _round_up(since, _HOUR), _round_down(until, _HOUR)
    first_day, last_day = _round_up(since, _DAY), _round_down(until, _DAY)
    if bucket is Bucket.HOUR or first_day >= last_day:
        first_day = last_day = last_hour
    return {"first_hour": first_hour, "first_day": first_day, "last_day": last_day, "last_hour": last_hour}


def _days(first: datetime, last: datetime) -> Iterator[datetime]:
    while first < last:
        yield first
        first += _DAY


def _round_up(at: datetime, length: timedelta) -> datetime:
    return _EPOCH - (_EPOCH - at) // length * length


def _round_down(at: datetime, length: timedelta) -> datetime:
    return _EPOCH + (at - _EPOCH) // length * length
