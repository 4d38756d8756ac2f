"""Counts of someone's activity by the hour or the day: from what was counted as the rows were filed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from libs.store.access_log_questions import CONDITIONS, Filters, Scope, conditions, prepare
from libs.store.connection import Pool
from libs.store.errors import translated
from libs.store.statements import load_statements

_sql = load_statements("access_log_summary", conditions=CONDITIONS)
_HOUR: Final = timedelta(hours=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Bucket(StrEnum):
    """What time is divided into; in UTC."""

    HOUR = "hour"
    DAY = "day"


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
    with translated():
        async with pool.acquire() as connection:
            await prepare(connection)
            rows = _sql.summary(connection, **_values(question), rows_max=counts_max)
            return [_count(row) async for row in rows]


def _values(question: Question) -> dict[str, object]:
    before_start, before = question.before or (None, None)
    until = question.until if before_start is None else min(question.until, before_start + timedelta(days=1))
    return {
        **conditions(question.scope, question.filters),
        **{f"by_{each}": each in question.by for each in Dimension},
        "unit": question.bucket,
        "since": question.since,
        "until": until,
        "first_hour": _EPOCH - (_EPOCH - question.since) // _HOUR * _HOUR,
        "last_hour": _EPOCH + (until - _EPOCH) // _HOUR * _HOUR,
        "before_start": before_start,
        "before": before,
    }


def _count(row: Any) -> Count:
    values = dict(zip(Dimension, row["combination"], strict=True))
    return Count(start=row["start"], values=values, requests=row["requests"])
