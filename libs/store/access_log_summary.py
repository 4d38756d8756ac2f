"""Counts of someone's activity by the hour or the day: from what was counted as the rows were filed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from libs.store.access_log_questions import CONDITIONS, COUNTED, Filters, Scope, conditions, prepare
from libs.store.connection import Pool
from libs.store.errors import translated
from libs.store.statements import load_statements

_sql = load_statements("access_log_summary", conditions=CONDITIONS, counted=COUNTED)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# How many buckets are counted together: the newest few fill most pages.
_BUCKETS: Final = (2, 8, 32, 128)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many requests there were in the bucket that starts then; "" is what was none, or is not told."""

    start: datetime
    values: Mapping[Dimension, str]
    requests: int

    @property
    def combination(self) -> Sequence[str]:
        """What the requests have in common, in the order of the dimensions."""
        return [self.values[each] for each in Dimension]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
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


async def summary(pool: Pool, question: Question, *, counts_max: int) -> Sequence[Count]:
    """Return the counts of the newest buckets, newest first, as of one moment. Raises DatabaseAway."""
    counts: list[Count] = []
    with translated():
        async with pool.acquire() as connection:
            await prepare(connection)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                for since, until in _stretches(question):
                    values = _values(question, since, until)
                    rows = _sql.summary(connection, **values, rows_max=counts_max - len(counts))
                    counts += [_count(row) async for row in rows]
                    if len(counts) == counts_max:
                        break
    return counts


def _stretches(question: Question) -> Iterator[tuple[datetime, datetime]]:
    """Yield the time that is asked for in parts of whole buckets, the newest first."""
    length, until = question.bucket.length, question.until
    if question.before is not None:
        until = min(until, question.before[0] + length)
    for buckets in _BUCKETS:
        if until <= question.since:
            return
        since = max(question.since, _up(until, length) - buckets * length)
        yield since, until
        until = since
    if until > question.since:
        yield question.since, until


def _values(question: Question, since: datetime, until: datetime) -> dict[str, object]:
    before_start, before = question.before or (None, None)
    return {
        **conditions(question.scope, question.filters),
        **{f"by_{each}": each in question.by for each in Dimension},
        **_whole(question.bucket, since, until),
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


def _up(at: datetime, length: timedelta) -> datetime:
    return _EPOCH - (_EPOCH - at) // length * length


def _down(at: datetime, length: timedelta) -> datetime:
    return _EPOCH + (at - _EPOCH) // length * length


def _count(row: Any) -> Count:
    values = dict(zip(Dimension, row["combination"], strict=True))
    return Count(start=row["start"], values=values, requests=row["requests"])
