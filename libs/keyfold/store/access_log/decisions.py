"""One decision by its id, which holds the time at which it was made."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from keyfold.domain.access.event import AccessEvent
from keyfold.domain.ids import EventId, made_at_ms
from keyfold.store.access_log.rows import event_of
from keyfold.store.access_log.scope import prepare
from keyfold.store.postgres.connection import Pool
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements

_sql = load_statements("access_log/decisions")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# An id is made milliseconds after its decision's time, unless the process is held up in between or its clock
# is set.
_NEAR: Final = (timedelta(seconds=1), timedelta(minutes=1))


async def read_decision(pool: Pool, event_id: EventId, oldest: datetime) -> AccessEvent | None:
    """Return a decision's event, or None if there is none since `oldest`. Raises DatabaseAway."""
    with translate_errors():
        async with pool.acquire() as connection:
            await prepare(connection)
            for since, until in _spans(event_id):
                row = await _sql.decision(
                    connection, event_id=event_id, since=max(since, oldest), until=until
                )
                if row is not None:
                    return event_of(row)
    return None


def decision_window(event_id: EventId) -> tuple[datetime, datetime]:
    """Return the bounds of the time at which a decision with this id was made; equal ones for no such id."""
    *_, widest = ((_EPOCH, _EPOCH), *_spans(event_id))
    return widest


def _spans(event_id: EventId) -> Iterator[tuple[datetime, datetime]]:
    made_ms = made_at_ms(event_id)
    if made_ms is None or made_ms > _LAST_MS:
        return
    made_at = _EPOCH + timedelta(milliseconds=made_ms)
    for near in _NEAR:
        yield made_at - near, made_at + near


# Ids can hold times far beyond the calendar.
_LAST_MS: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH - _NEAR[-1]) // timedelta(milliseconds=1)
