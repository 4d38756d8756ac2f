"""Rows as they arrive in the access log: each once, in the order in which their batches become visible."""

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
"""The channel that announces each batch when it is committed."""

_sql = load_statements("access_log/arrivals", conditions=CONDITIONS)
BATCHES_MAX: Final = 500
_DELETED_AT_ONCE: Final = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalPosition:
    """A place in the order of arrival: after a whole batch, or after the row of it with that time and id."""

    batch: int
    row: tuple[datetime, EventId] | None = None

    @classmethod
    def of(cls, number: int, event: AccessEvent) -> Self:
        """Return the place after an event of the batch with that number."""
        return cls(batch=number, row=(event.at, event.event_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Events in their order, each with the place after it, and the place up to which these are all."""

    events: Sequence[tuple[ArrivalPosition, AccessEvent]]
    upto: ArrivalPosition


class PlaceGone(Exception):
    """The order of arrival after that place is deleted, or the log was restored to before it. Begin anew."""


async def open_batch(connection: Connection) -> int:
    """Return the id of a new batch, for its rows. Its number comes at the end of the transaction."""
    batch_id: int = await _sql.new_batch_id(connection)
    return batch_id


async def number_batch(connection: Connection, batch_id: int, hours: Sequence[Hour]) -> None:
    """Give a batch, with rows of these hours, its number: the very last statement of its transaction."""
    sinces = [events[0].at for _, events in hours]
    untils = [events[-1].at for _, events in hours]
    async for _ in _sql.number_batch(connection, batch_id=batch_id, sinces=sinces, untils=untils):
        continue


async def newest_batch(pool: Pool) -> int:
    """Return the number of the batch that became visible last. Raises DatabaseAway."""
    with translate_errors():
        async with pool.acquire() as connection:
            newest: int = await _sql.newest_number(connection)
    return newest


async def check_place(pool: Pool, place: ArrivalPosition) -> None:
    """Raise PlaceGone unless everything after that place can still be read in order. Raises DatabaseAway."""
    with translate_errors():
        async with pool.acquire() as connection:
            kept = await _sql.kept_numbers(connection)
    if not kept["oldest"] <= place.batch <= kept["newest"]:
        raise PlaceGone(f"batch {place.batch} is not between {kept['oldest']} and {kept['newest']}")


async def read_arrivals(
    pool: Pool,
    scope: Scope,
    filters: Filters,
    place: ArrivalPosition,
    *,
    since: datetime,
    events_max: int,
    batches_max: int = BATCHES_MAX,
) -> Arrivals:
    """Return the next events after a place, without those from before `since`. Raises DatabaseAway.

    They are few, or none, when most of what arrived is somebody else's: go on from `upto`.
    """
    first = place.batch if place.row else place.batch + 1
    with translate_errors():
        async with pool.acquire() as connection:
            await prepare(connection)
            extent = await _sql.extent(connection, first=first, batches_max=batches_max)
            if extent["number"] is None:
                return Arrivals(events=(), upto=place)
            at, event_id = place.row or (None, None)
            rows = [
                (row["number"], event_of(row))
                async for row in _sql.read_arrivals(
                    connection,
                    **conditions(scope, filters),
                    first=first,
                    last=extent["number"],
                    since=max(since, extent["since"]),
                    until=extent["until"],
                    number=place.batch,
                    at=at,
                    event_id=event_id,
                    rows_max=events_max,
                )
            ]
    events = [(ArrivalPosition.of(number, event), event) for number, event in rows]
    return Arrivals(
        events=events,
        upto=events[-1][0] if len(events) == events_max else ArrivalPosition(batch=extent["number"]),
    )


async def delete_batches(dsn: str, before: datetime) -> int:
    """Delete the arrival order of older batches; return how many rows of it. Raises DatabaseAway."""
    deleted = 0
    async with open_connection(dsn, application_name="audit retention") as connection:
        with translate_errors():
            while count := await _sql.delete_batches(connection, before=before, batches_max=_DELETED_AT_ONCE):
                deleted += count
    return deleted


ORDER_RETENTION: Final = timedelta(days=7)
"""How long the order of arrival is kept: a stream may be away for that long and go on without a gap."""
