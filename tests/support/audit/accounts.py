"""What must be said about runs' hours, from the log's rows alone: slowly, simply, and surely right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from keyfold.store.access_log.completeness.numbers import NumberRange, RunHour, read_run_hours
from keyfold.store.postgres.connection import Pool
from tests.support.access_events import EPOCH

ROWS = "select gatekeeper, seq, date_trunc('hour', at, 'UTC') as hour from access_log.events"
YEAR = timedelta(days=365)


async def report_of(pool: Pool, *, rows_max: int = 1000, ranges_max: int = 1000) -> Sequence[RunHour]:
    """Return what the log says about all its hours."""
    return await read_run_hours(
        pool,
        since=EPOCH - YEAR,
        until=EPOCH + YEAR,
        before=None,
        ranges_max=ranges_max,
        rows_max=rows_max,
    )


async def truth_of(pool: Pool) -> Sequence[RunHour]:
    """Return what it must say, except duplicates: of those no row is left."""
    runs: dict[str, dict[datetime, Counter[int]]] = {}
    for row in await pool.fetch(ROWS):
        runs.setdefault(row["gatekeeper"], {}).setdefault(row["hour"], Counter())[row["seq"]] += 1
    found = [each for run, hours in runs.items() for each in _run(run, hours)]
    return sorted(found, key=lambda each: (each.hour, each.gatekeeper), reverse=True)


def _run(run: str, hours: dict[datetime, Counter[int]]) -> Iterator[RunHour]:
    known = {number for numbers in hours.values() for number in numbers}
    before = set[int]()
    for hour in sorted(hours):
        numbers = hours[hour]
        missing = [each for new in numbers.keys() - before for each in _gap(new, known)]
        again = numbers.keys() & before
        extra = again | {number for number, count in numbers.items() if count > 1}
        yield RunHour(
            gatekeeper=run,
            hour=hour,
            first=min(numbers),
            last=max(numbers),
            filed=numbers.total(),
            duplicates=0,
            missing=len(missing),
            missing_ranges=_ranges(missing),
            extra=numbers.total() - len(numbers) + len(again),
            extra_ranges=_ranges(extra),
            is_followed=max(numbers) < max(known),
        )
        before |= numbers.keys()


def _gap(number: int, known: set[int]) -> Iterator[int]:
    number -= 1
    while number > 0 and number not in known:
        yield number
        number -= 1


def _ranges(numbers: Sequence[int] | set[int]) -> list[NumberRange]:
    found: list[NumberRange] = []
    for number in sorted(numbers):
        if found and found[-1].last == number - 1:
            found[-1] = NumberRange(first=found[-1].first, last=number)
        else:
            found.append(NumberRange(first=number, last=number))
    return found
