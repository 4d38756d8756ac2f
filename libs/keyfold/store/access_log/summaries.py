"""Counts of someone's activity by the hour or the day: from what was counted as the rows were filed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from keyfold.store.access_log.day_sums import Sums, sums_of
from keyfold.store.access_log.scope import CONDITIONS, COUNTED, TOLD, Filters, Scope, conditions, prepare
from keyfold.store.postgres.connection import Connection, Pool
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements

_sql = load_statements("access_log/summaries", conditions=CONDITIONS, counted=COUNTED, told=TOLD)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# How many buckets are counted together: the newest few fill most pages.
_BUCKETS_FIRST: Final = 2
_SUMMED_DAYS_FIRST: Final = 31
_MORE_MAX: Final = 4


class Bucket(StrEnum):
    """What time is divided into; in UTC."""

    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        """How long one is."""
        return _HOUR if self is Bucket.HOUR else _DAY


class Dimension(StrEnum):
    """What requests are told apart by, in the order of a summary."""

    VENDOR = "vendor"
    KEY = "key"
    CATEGORY = "category"
    ACCESS = "access"
    DECISION = "decision"
    REASON = "reason"

    @property
    def column(self) -> str:
        """What tells it among counts."""
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
    """How many requests there were in the bucket that starts then.

    `combination` is what they have in common, in the order of `Dimension`; "" for none, or for what is
    not told.
    """

    start: datetime
    combination: Sequence[str]
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryQuestion:
    """Whose activity, which of it, and how it is to be counted; `since` is included and `until` is not.

    `before` is the start and the combination that the page before ended with.
    """

    scope: Scope
    filters: Filters
    since: datetime
    until: datetime
    bucket: Bucket
    by: frozenset[Dimension]
    before: tuple[datetime, Sequence[str]] | None = None


async def summary(pool: Pool, question: SummaryQuestion, *, counts_max: int) -> Sequence[SummaryCount]:
    """Return the counts of the newest buckets, newest first, as of one moment. Raises DatabaseAway."""
    counts: list[SummaryCount] = []
    length, until = question.bucket.length, _end(question)
    with translate_errors():
        async with pool.acquire() as connection:
            await prepare(connection)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                summed = await _summed(connection, question, until)
                buckets = _SUMMED_DAYS_FIRST if summed.days else _BUCKETS_FIRST
                while until > question.since and (wanted := counts_max - len(counts)) > 0:
                    since = max(question.since, _up(until, length) - buckets * length)
                    rows = _sql.summary(
                        connection, **_values(question, summed, since, until), rows_max=wanted
                    )
                    found = [SummaryCount._make(row) async for row in rows]
                    counts += found
                    until, buckets = since, buckets_next(buckets, len(found), counts_max - len(counts))
    return counts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Summed:
    """The days that are added up as the question wants them, and by which sums."""

    sums: Sums | None
    days: frozenset[datetime] = frozenset()


async def _summed(connection: Connection, question: SummaryQuestion, until: datetime) -> _Summed:
    sums = sums_of(question.scope, question.filters, {each.column for each in question.by})
    if sums is None or question.bucket is Bucket.HOUR:
        return _Summed(sums=sums)
    return _Summed(sums=sums, days=await sums.days(connection, question.since, until))


def _end(question: SummaryQuestion) -> datetime:
    if question.before is None:
        return question.until
    return min(question.until, question.before[0] + question.bucket.length)


def buckets_next(buckets: int, found: int, wanted: int) -> int:
    """Return how many to count together, when so many held what was found and so much is wanted yet."""
    enough = -(-buckets * wanted // found) if found else _MORE_MAX * buckets
    return max(1, min(enough, _MORE_MAX * buckets))


def _values(
    question: SummaryQuestion, summed: _Summed, since: datetime, until: datetime
) -> dict[str, object]:
    before_start, before = question.before or (None, None)
    whole = _whole(question.bucket, since, until)
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


def _whole(bucket: Bucket, since: datetime, until: datetime) -> Mapping[str, datetime]:
    """Return between which hours all is counted by the hour at least, and between which days by the day."""
    first_hour, last_hour = _up(since, _HOUR), _down(until, _HOUR)
    first_day, last_day = _up(since, _DAY), _down(until, _DAY)
    if bucket is Bucket.HOUR or first_day >= last_day:
        first_day = last_day = last_hour
    return {"first_hour": first_hour, "first_day": first_day, "last_day": last_day, "last_hour": last_hour}


def _days(first: datetime, last: datetime) -> Iterator[datetime]:
    while first < last:
        yield first
        first += _DAY


def _up(at: datetime, length: timedelta) -> datetime:
    return _EPOCH - (_EPOCH - at) // length * length


def _down(at: datetime, length: timedelta) -> datetime:
    return _EPOCH + (at - _EPOCH) // length * length
