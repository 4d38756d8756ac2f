"""Whether the access log has each number of each gatekeeper's run once: what is missing, what is extra."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from keyfold.store.access_log.completeness.row_check import RowsFound, check_rows
from keyfold.store.access_log.completeness.run_standings import RunStanding, judge_rows, read_standings
from keyfold.store.access_log.completeness.sealed_sums import LogSeal
from keyfold.store.access_log.scope import prepare
from keyfold.store.postgres.connection import Connection, Pool
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements

_sql = load_statements("access_log/completeness/numbers")
_HOUR: Final = timedelta(hours=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_CHECKED_MAX: Final = 500_000
"""How many rows a page of several hours checks at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRange:
    """Numbers from the first to the last, both included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """How a run ended: with the number `last`, and with none above it if that `is_exact`.

    It was noted at `noted_at`, by PostgreSQL's clock.
    """

    last: int
    is_exact: bool
    noted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHour:
    """What the log has of one run of a gatekeeper, from the hour that begins at `hour`.

    `filed` rows were filed, and `rows` says what is there of them, if it was checked.
    `missing` numbers are not; each is reported in the hour of the next number that is
    there, or of the highest one. `extra` rows have a number that another row has too; `extra_ranges` also has
    numbers that came again with other content under the same id, and were left out. Of the ranges only the
    first are given. `duplicates` were left out. Unless it `is_followed`, `last` is the run's highest number.
    """

    gatekeeper: str
    hour: datetime
    first: int
    last: int
    filed: int
    duplicates: int
    missing: int
    missing_ranges: Sequence[NumberRange]
    extra: int
    extra_ranges: Sequence[NumberRange]
    is_followed: bool
    closing: Closing | None = None
    run: RunStanding = "not_opened"
    rows: RowsFound | None = None

    @property
    def settled_at(self) -> datetime:
        """When all of this was in Kafka: at the end of the hour, or when the run's end was noted if later."""
        end = self.hour + _HOUR
        return end if self.closing is None else max(end, self.closing.noted_at)

    @property
    def expected(self) -> int:
        """How many rows there should be."""
        return self.filed + self.missing - self.extra


async def read_run_hours(
    pool: Pool,
    *,
    since: datetime,
    until: datetime,
    before: tuple[datetime, str] | None,
    ranges_max: int,
    rows_max: int,
) -> Sequence[RunHour]:
    """Return the hours of each run from `since`, included, to `until`, excluded, also in part; newest first.

    `before` is the last hour and run of the page before. Raises DatabaseAway.
    """
    before_hour, before_gatekeeper = before or (None, None)
    asked = {
        "since": _EPOCH + (since - _EPOCH) // _HOUR * _HOUR,
        "until": until if before_hour is None else min(until, before_hour + _TICK),
        "before_hour": before_hour,
        "before_gatekeeper": before_gatekeeper,
        "rows_max": rows_max,
    }
    with translate_errors():
        # As of one moment: a run whose first row is filed between the statements would be in neither list.
        moment = {"isolation": "repeatable_read", "readonly": True}
        async with pool.acquire() as connection, connection.transaction(**moment):
            await prepare(connection)
            seen = [
                _run_hour(row) async for row in _sql.run_hours(connection, **asked, ranges_max=ranges_max)
            ]
            unseen = [_unseen_run(row) async for row in _sql.unseen_runs(connection, **asked)]
            found = sorted((*seen, *unseen), key=lambda each: (each.hour, each.gatekeeper), reverse=True)
            found = found[:rows_max]
            standings = await read_standings(connection, list({each.gatekeeper for each in found}))
    return [replace(each, run=standings[each.gatekeeper]) for each in found]


async def check_run_hours(pool: Pool, seal: LogSeal, found: Sequence[RunHour]) -> Sequence[RunHour]:
    """Return these hours, from the first, with what their rows are; not all of them if they have many rows.

    Raises DatabaseAway.
    """
    with translate_errors():
        moment = {"isolation": "repeatable_read", "readonly": True}
        async with pool.acquire() as connection, connection.transaction(**moment):
            await prepare(connection)
            return await _check(connection, seal, found)


async def _check(connection: Connection, seal: LogSeal, found: Sequence[RunHour]) -> Sequence[RunHour]:
    checked: list[RunHour] = []
    rows = 0
    for hour, runs in groupby(found, key=attrgetter("hour")):
        of_hour = list(runs)
        if checked and rows + sum(each.filed for each in of_hour) > _CHECKED_MAX:
            break
        there = await check_rows(connection, seal, hour, [each.gatekeeper for each in of_hour])
        asked = {each.gatekeeper for each in of_hour}
        checked += [_ghost(run, hour, rows_of) for run, rows_of in there.items() if run not in asked]
        checked += [_with_rows(each, there.get(each.gatekeeper, RowsFound())) for each in of_hour]
        rows += sum(each.filed for each in of_hour)
    return checked


def _with_rows(found: RunHour, rows: RowsFound) -> RunHour:
    return replace(found, rows=rows, run=judge_rows(found.run, name_policies=rows.name_policies))


def _ghost(gatekeeper: str, hour: datetime, rows: RowsFound) -> RunHour:
    """Return an hour of a run that has rows, of which nothing was filed."""
    return RunHour(
        gatekeeper=gatekeeper,
        hour=hour,
        first=0,
        last=0,
        filed=0,
        duplicates=0,
        missing=0,
        missing_ranges=(),
        extra=0,
        extra_ranges=(),
        is_followed=True,
        run="not_opened",
        rows=rows,
    )


def _run_hour(row: Any) -> RunHour:
    return RunHour(
        gatekeeper=row["gatekeeper"],
        hour=row["hour"],
        first=row["first"],
        last=row["last"],
        filed=row["filed"],
        duplicates=row["duplicates"],
        missing=row["missing"],
        missing_ranges=_ranges(row["missing_firsts"], row["missing_lasts"]),
        extra=row["extra"],
        extra_ranges=_ranges(row["extra_firsts"], row["extra_lasts"]),
        is_followed=row["is_followed"],
        closing=None
        if row["closed_number"] is None
        else Closing(
            last=row["closed_number"],
            is_exact=row["is_closed_exactly"],
            noted_at=row["closed_noted_at"],
        ),
    )


def _unseen_run(row: Any) -> RunHour:
    last = row["last_number"]
    return RunHour(
        gatekeeper=row["gatekeeper"],
        hour=row["hour"],
        first=1,
        last=last,
        filed=0,
        duplicates=0,
        missing=last,
        missing_ranges=[NumberRange(first=1, last=last)],
        extra=0,
        extra_ranges=(),
        is_followed=False,
        closing=Closing(last=last, is_exact=row["is_exact"], noted_at=row["noted_at"]),
    )


def _ranges(firsts: Sequence[int], lasts: Sequence[int]) -> Sequence[NumberRange]:
    return [NumberRange(first=first, last=last) for first, last in zip(firsts, lasts, strict=True)]
