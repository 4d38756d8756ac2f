"""Which numbers of each gatekeeper's run are filed: noted with the rows, deleted with their day."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import chain
from operator import attrgetter
from typing import Final, NamedTuple

from keyfold.domain.access.event import AccessEvent
from keyfold.store.access_log.batch import Hour, sort_by_time, split_by_hour
from keyfold.store.access_log.run_records import NumberedRecord
from keyfold.store.postgres.connection import Connection, open_connection
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements

# The statements and the table's migration hold this number too: numbers that are filed keep their block.
BLOCK_NUMBERS: Final = 2048
_numbered = attrgetter("gatekeeper", "seq")

_sql = load_statements("access_log/completeness/filed_numbers")


class Stretch(NamedTuple):
    """Consecutive numbers of a run within an hour and a block, and how many duplicates were dropped.

    `hour` counts hours since 1970; `after` is the last number plus one. `is_again` says that the same batch
    had these numbers already.
    """

    gatekeeper: str
    hour: int
    block: int
    first: int
    after: int
    is_again: bool = False
    duplicates: int = 0


@dataclass(slots=True, kw_only=True)
class _Gathered:
    """What to add to one block and hour; ranges as PostgreSQL reads them."""

    numbers: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    filed: int = 0
    duplicates: int = 0


async def add_numbers(
    connection: Connection,
    filed: Iterable[Hour],
    left_out: Iterable[AccessEvent],
    others: Iterable[NumberedRecord] = (),
    contradicted: Iterable[NumberedRecord] = (),
) -> None:
    """Note rows, events that were left out, and runs' `others`, late in the transaction that files them.

    Numbers that were `contradicted` came again with other content under the same id, which was left out.
    """
    found = (find_stretches(hour, map(_numbered, events)) for hour, events in filed)
    beside = (Stretch(run, hour, seq // BLOCK_NUMBERS, seq, seq + 1) for hour, run, seq in others)
    gathered = _gather(chain(chain.from_iterable(found), _duplicates(left_out), beside))
    for hour, run, seq in contradicted:
        gathered[run, seq // BLOCK_NUMBERS, hour].twice.append(f"[{seq},{seq + 1})")
    if not gathered:
        return
    # Sorted by key, so that two consumers never deadlock.
    places = sorted(gathered)
    gatekeepers, blocks, hours = zip(*places, strict=True)
    await _sql.add(
        connection,
        gatekeepers=gatekeepers,
        blocks=blocks,
        hours=hours,
        numbers=[f"{{{','.join(gathered[place].numbers)}}}" for place in places],
        twice=[f"{{{','.join(gathered[place].twice)}}}" for place in places],
        filed=[gathered[place].filed for place in places],
        duplicates=[gathered[place].duplicates for place in places],
    )


def _gather(found: Iterable[Stretch]) -> defaultdict[tuple[str, int, int], _Gathered]:
    gathered: defaultdict[tuple[str, int, int], _Gathered] = defaultdict(_Gathered)
    for gatekeeper, hour, block, first, after, is_again, duplicates in found:
        block_of_hour = gathered[gatekeeper, block, hour]
        block_of_hour.filed += after - first
        block_of_hour.duplicates += duplicates
        ranges = block_of_hour.twice if is_again else block_of_hour.numbers
        ranges.append(f"[{first},{after})")
    return gathered


def find_stretches(hour: int, numbers: Iterable[tuple[str, int]]) -> Iterator[Stretch]:
    """Yield the numbers of runs as stretches as long as can be; a number that repeats is one of its own."""
    # Every event of the log passes here: whatever can be done once a stretch is.
    gatekeeper, first, after, edge = "", -1, -1, -1
    for run, seq in sorted(numbers):
        if run == gatekeeper:
            if seq == after != edge:
                after += 1
                continue
            if seq == after - 1:
                yield Stretch(run, hour, seq // BLOCK_NUMBERS, seq, after, is_again=True)
                continue
        if first < after:
            yield Stretch(gatekeeper, hour, first // BLOCK_NUMBERS, first, after)
        gatekeeper, first, after = run, seq, seq + 1
        edge = (seq // BLOCK_NUMBERS + 1) * BLOCK_NUMBERS
    if first < after:
        yield Stretch(gatekeeper, hour, first // BLOCK_NUMBERS, first, after)


def _duplicates(left_out: Iterable[AccessEvent]) -> Iterator[Stretch]:
    for hour, events in split_by_hour(sort_by_time(left_out)):
        counts = Counter((event.gatekeeper, event.seq // BLOCK_NUMBERS) for event in events)
        for (gatekeeper, block), count in counts.items():
            yield Stretch(gatekeeper, hour, block, 0, 0, duplicates=count)


async def forget_numbers_before(dsn: str, oldest: date) -> None:
    """Delete the numbers of the days before `oldest`, as their rows are dropped. Raises DatabaseAway."""
    since = datetime.combine(oldest, time(), UTC)
    async with open_connection(dsn, application_name="audit retention") as connection:
        with translate_errors():
            while await _sql.forget_oldest_hour(connection, oldest=since) is not None:
                continue
            await _sql.forget_ended_runs(connection, oldest=since)
