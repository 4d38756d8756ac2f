"""Which gatekeepers' runs are over, and with which number: so that an end that never came is missed too."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from keyfold.domain.access.gatekeeper_run import ClosedRun
from keyfold.store.postgres.connection import Pool, open_connection
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements

_sql = load_statements("access_log/completeness/closed_runs")


class ClosedRuns:
    """Notes the runs that are over."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def note(self, runs: Sequence[ClosedRun]) -> None:
        """Note runs; when one comes again, the most that is known of it stays. Raises DatabaseAway."""
        # One entry for each run, for a statement may not change a row twice.
        closed = {
            each.gatekeeper: each for each in sorted(runs, key=lambda run: (run.last_seq, run.is_exact))
        }
        with translate_errors():
            async with self._pool.acquire() as connection:
                await _sql.note_closed(
                    connection,
                    gatekeepers=list(closed),
                    last_numbers=[each.last_seq for each in closed.values()],
                    exact=[each.is_exact for each in closed.values()],
                    times=[each.at for each in closed.values()],
                )


async def forget_closed_before(dsn: str, oldest: date) -> None:
    """Delete the runs that were over before that day and have no number kept. Raises DatabaseAway."""
    async with open_connection(dsn, application_name="audit retention") as connection:
        with translate_errors():
            await _sql.forget_closed(connection, oldest=datetime.combine(oldest, time(), UTC))
