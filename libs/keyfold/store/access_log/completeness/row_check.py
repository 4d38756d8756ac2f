"""Whether the rows of a run's hour are those that were filed, by their number and their sealed sums."""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from keyfold.domain.access.event import AccessEvent
from keyfold.store.access_log.completeness.sealed_sums import BLOCK_BITS, LogSeal, SealedPlace, hour_number
from keyfold.store.access_log.rows import event_of
from keyfold.store.postgres.connection import Connection
from keyfold.store.postgres.statements import load_statements
from keyfold.wire.proof.keyed_sum import KeyedSum

_ROWS_A_TURN: Final = 2000

_sql = load_statements("access_log/completeness/row_check")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsFound:
    """What the rows of a run's hour are, beside what was filed.

    `present` rows and records are there, of `filed` that were noted. In `altered_blocks` of 2048 numbers they
    are not what was filed: some were deleted, added or changed. `unsealed_blocks` have no sum. Some rows
    `name_policies`, as those of a run that has a key do.
    """

    present: int = 0
    altered_blocks: Sequence[int] = ()
    unsealed_blocks: int = 0
    name_policies: bool = False


@dataclass(slots=True)
class _Tally:
    present: int = 0
    altered: list[int] = field(default_factory=list)
    unsealed: int = 0


async def check_rows(
    connection: Connection, seal: LogSeal, hour: datetime, gatekeepers: Sequence[str]
) -> Mapping[str, RowsFound]:
    """Return what the rows of these runs in an hour are, and of runs of which nothing was filed in it.

    Reads all of them, in the caller's transaction.
    """
    sums, with_policies = await _add_up(connection, seal, hour, gatekeepers)
    tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
    for place, found in sums.items():
        tallies[place.gatekeeper].present += found.rows
    noted = set[SealedPlace]()
    async for row in _sql.places(connection, hour=hour, gatekeepers=gatekeepers):
        place = SealedPlace(row["gatekeeper"], row["block"], hour_number(hour))
        noted.add(place)
        _judge(tallies[place.gatekeeper], seal, place, row, sums.get(place, KeyedSum()))
    for place in sums.keys() - noted:
        tallies[place.gatekeeper].altered.append(place.block)
    return {
        run: RowsFound(
            present=tally.present,
            altered_blocks=sorted(tally.altered),
            unsealed_blocks=tally.unsealed,
            name_policies=run in with_policies,
        )
        for run, tally in tallies.items()
    }


def _judge(tally: _Tally, seal: LogSeal, place: SealedPlace, row: Mapping[str, Any], found: KeyedSum) -> None:
    if row["sealed"] is None:
        tally.unsealed += 1
        if row["filed"] != found.rows:
            tally.altered.append(place.block)
        return
    sealed = seal.open(place, row["sealed"])
    # One number on either side may have been changed by SQL; the sealed one cannot.
    if sealed is None or sealed.rows != row["filed"] or sealed != found:
        tally.altered.append(place.block)


async def _add_up(
    connection: Connection, seal: LogSeal, hour: datetime, gatekeepers: Sequence[str]
) -> tuple[Mapping[SealedPlace, KeyedSum], Set[str]]:
    """Return the sum of each place, and the runs of which a row names a policy."""
    number = hour_number(hour)
    sums: defaultdict[SealedPlace, KeyedSum] = defaultdict(KeyedSum)
    waiting: defaultdict[SealedPlace, list[AccessEvent]] = defaultdict(list)
    with_policies = set[str]()
    read = 0
    async for row in _sql.rows(connection, hour=hour, gatekeepers=gatekeepers):
        event = event_of(row)
        waiting[SealedPlace(event.gatekeeper, event.seq >> BLOCK_BITS, number)].append(event)
        if event.policy is not None:
            with_policies.add(event.gatekeeper)
        read += 1
        if read % _ROWS_A_TURN == 0:
            _flush(seal, waiting, sums)
    _flush(seal, waiting, sums)
    async for row in _sql.records(connection, hour=hour, gatekeepers=gatekeepers):
        sums[SealedPlace(row["gatekeeper"], row["seq"] >> BLOCK_BITS, number)].rows += 1
    return sums, with_policies


def _flush(
    seal: LogSeal,
    waiting: defaultdict[SealedPlace, list[AccessEvent]],
    sums: defaultdict[SealedPlace, KeyedSum],
) -> None:
    for place, events in waiting.items():
        sums[place].add(seal.add_up(events), len(events))
    waiting.clear()
