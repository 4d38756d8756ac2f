"""What arrives in the access log: each row once, in the order in which filings become visible."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import EventId
from keyfold.store.access_log.batch import Hour
from keyfold.store.access_log.rows import event_of
from keyfold.store.access_log.scope import CONDITIONS, Filters, Scope, conditions, prepare
from keyfold.store.postgres.connection import Connection, Pool, open_connection
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements

CHANNEL: Final = "keyfold_access_log"
"""Where each filing is told of when it is committed."""

_sql = load_statements("access_log/arrivals", conditions=CONDITIONS)
FILINGS_MAX: Final = 500
_FORGOTTEN_AT_ONCE: Final = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalPosition:
    """A place in the order of arrival: behind a filing, or within it behind the row of that time and id."""

    filing: int
    row: tuple[datetime, EventId] | None = None

    @classmethod
    def of(cls, number: int, event: AccessEvent) -> Self:
        """Return the place behind an event of that filing."""
        return cls(filing=number, row=(event.at, event.event_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Events with the place behind each, in their order, and the place up to which there are no others."""

    events: Sequence[tuple[ArrivalPosition, AccessEvent]]
    upto: ArrivalPosition


class PlaceGone(Exception):
    """What came behind that place is forgotten, or the log was taken back to before it. Begin anew."""


async def open_filing(connection: Connection) -> int:
    """Return the name of the filing that begins, for its rows."""
    filing: int = await _sql.new_filing(connection)
    return filing


async def number_filing(connection: Connection, filing: int, hours: Sequence[Hour]) -> None:
    """Give a filing of the rows of these hours its number: the very last thing of its transaction."""
    sinces = [events[0].at for _, events in hours]
    untils = [events[-1].at for _, events in hours]
    async for _ in _sql.number_filing(connection, filing=filing, sinces=sinces, untils=untils):
        continue


async def newest_filing(pool: Pool) -> int:
    """Return the number of the filing that became visible last. Raises DatabaseAway."""
    with translate_errors():
        async with pool.acquire() as connection:
            newest: int = await _sql.newest_number(connection)
    return newest


async def check_place(pool: Pool, place: ArrivalPosition) -> None:
    """Raise PlaceGone unless everything from that place on can be told; DatabaseAway."""
    with translate_errors():
        async with pool.acquire() as connection:
            kept = await _sql.kept_numbers(connection)
    if not kept["oldest"] <= place.filing <= kept["newest"]:
        raise PlaceGone(f"filing {place.filing} is not from {kept['oldest']} to {kept['newest']}")


async def arrived(
    pool: Pool,
    scope: Scope,
    filters: Filters,
    place: ArrivalPosition,
    *,
    since: datetime,
    events_max: int,
    filings_max: int = FILINGS_MAX,
) -> Arrived:
    """Return the next events behind a place, those from before `since` left out. Raises DatabaseAway.

    They are few, or none, when most of what arrived is somebody else's: go on from `upto`.
    """
    first = place.filing if place.row else place.filing + 1
    with translate_errors():
        async with pool.acquire() as connection:
            await prepare(connection)
            extent = await _sql.extent(connection, first=first, filings_max=filings_max)
            if extent["number"] is None:
                return Arrived(events=(), upto=place)
            at, event_id = place.row or (None, None)
            rows = [
                (row["number"], event_of(row))
                async for row in _sql.arrived(
                    connection,
                    **conditions(scope, filters),
                    first=first,
                    last=extent["number"],
                    since=max(since, extent["since"]),
                    until=extent["until"],
                    number=place.filing,
                    at=at,
                    event_id=event_id,
                    rows_max=events_max,
                )
            ]
    events = [(ArrivalPosition.of(number, event), event) for number, event in rows]
    return Arrived(
        events=events,
        upto=events[-1][0] if len(events) == events_max else ArrivalPosition(filing=extent["number"]),
    )


async def forget_filings(dsn: str, before: datetime) -> int:
    """Forget in which order arrived what did before; return of how much. Raises DatabaseAway."""
    forgotten = 0
    async with open_connection(dsn, application_name="audit retention") as connection:
        with translate_errors():
            while count := await _sql.forget_filings(
                connection, before=before, filings_max=_FORGOTTEN_AT_ONCE
            ):
                forgotten += count
    return forgotten


KEPT: Final = timedelta(days=7)
"""How long the order of arrival is kept: for so long a stream may be away and go on without a gap."""
