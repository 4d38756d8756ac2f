"""Up to when the access log is whole: what each run of a gatekeeper decided, compared with what is filed."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from keyfold.domain.ids import EventId, made_at_ms
from keyfold.store.postgres.connection import Connection, Pool, open_connection
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements

_sql = load_statements("access_log/completeness/wholeness")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SETTLED_S: Final = 30.0
"""After this time a decision is filed, if all is well; if not, it is late or missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wholeness:
    """Every decision before `until` is in the log; None if that is not known for any time.

    `lacking` numbers, at least, are known to be taken and are not there. They `are_missing` if Kafka did not
    have them either by the time that they were due. It `is_fresh` if `until` is as recent as it can be.
    """

    until: datetime | None
    lacking: int
    are_missing: bool
    is_fresh: bool


async def update_wholeness(pool: Pool) -> None:
    """Bring what is known of all runs up to date, unless another process is at it. Raises DatabaseAway."""
    with translate_errors():
        async with pool.acquire() as connection, connection.transaction():
            if not await _sql.try_lock(connection):
                return
            await _note_runs(connection)
            # Before reading what is filed: what is filed meanwhile can only add numbers.
            await _sql.note_journalled(connection)
            await _sql.note_forgotten(connection)
            while [run async for run in _sql.advance(connection)]:
                continue
            await _sql.judge(connection)


async def _note_runs(connection: Connection) -> None:
    runs = [row["gatekeeper"] async for row in _sql.unknown_runs(connection)]
    if runs:
        await _sql.note_runs(connection, gatekeepers=runs, begun=list(map(_started_at, runs)))


def _started_at(run: str) -> datetime | None:
    made_ms = made_at_ms(EventId(run))
    return None if made_ms is None else _EPOCH + timedelta(milliseconds=made_ms)


async def read_wholeness(pool: Pool, topic: str) -> Wholeness:
    """Return up to when the log of a topic is whole. Raises DatabaseAway."""
    with translate_errors():
        async with pool.acquire() as connection:
            row = await _sql.wholeness(connection, topic=topic, settled_s=SETTLED_S)
    until, now = row["whole_until"], row["now"]
    return Wholeness(
        until=None if until is None else min(until, now),
        lacking=row["lacking"],
        are_missing=row["is_settled"],
        is_fresh=until is not None and until >= now - timedelta(seconds=SETTLED_S),
    )


async def forget_runs_before(dsn: str, oldest: date) -> None:
    """Delete the runs of which the log keeps nothing since `oldest`. Raises DatabaseAway."""
    async with open_connection(dsn, application_name="audit retention") as connection:
        with translate_errors():
            await _sql.forget_runs(connection, oldest=datetime.combine(oldest, time(), UTC))
