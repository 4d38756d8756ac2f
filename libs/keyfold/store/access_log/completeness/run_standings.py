"""Whether a run is one that a gatekeeper announced: its opening, and what its gatekeeper registered."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

from keyfold.store.postgres.connection import Connection
from keyfold.store.postgres.statements import load_statements
from keyfold.wire.access.run_record import read_public_key

RunStanding = Literal[
    "announced", "began_before", "not_opened", "not_registered", "wrong_signature", "opened_twice"
]
"""`began_before`: before runs were announced. Of every other but `announced`, nobody can tell whose it is."""
STANDINGS: Final[Sequence[RunStanding]] = get_args(RunStanding)
TRUSTED: Final[frozenset[RunStanding]] = frozenset({"announced", "began_before"})

_sql = load_statements("access_log/completeness/row_check")


async def read_standings(connection: Connection, gatekeepers: Sequence[str]) -> Mapping[str, RunStanding]:
    """Return the standing of each run."""
    rows = _sql.runs(connection, gatekeepers=gatekeepers)
    return {
        row["gatekeeper"]: judge_run(
            row["gatekeeper"], row["openings"] or (), row["public_key"], is_registered=row["is_registered"]
        )
        async for row in rows
    }


def judge_run(
    run: str, openings: Sequence[bytes], public_key: bytes | None, *, is_registered: bool
) -> RunStanding:
    """Return the standing of a run. Neither who reached the broker alone, nor PostgreSQL alone, makes one."""
    if is_registered and public_key is None:
        # Somebody else may open it, or say so, in Kafka: it says nothing.
        return "began_before"
    if not openings:
        return "not_opened"
    if not is_registered:
        return "not_registered"
    own = [opening for opening in openings if read_public_key(opening, run) == public_key]
    if not own:
        return "wrong_signature"
    return "announced" if len(openings) == 1 else "opened_twice"
