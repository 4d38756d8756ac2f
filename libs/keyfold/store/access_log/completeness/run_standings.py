"""Whether a run is one that a gatekeeper announced: its opening, and what its gatekeeper registered."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

from keyfold.store.postgres.connection import Connection
from keyfold.store.postgres.statements import load_statements
from keyfold.wire.access.run_record import read_public_key

RunStanding = Literal[
    "announced",
    "began_before",
    "registered_without_key",
    "not_opened",
    "not_registered",
    "wrong_signature",
    "opened_twice",
]
"""`began_before`: before runs were announced. Of every other but `announced`, nobody can tell whose it is.

`registered_without_key`: as if it began before, but something of it says that it had a key. Either somebody
took the key away in PostgreSQL, or somebody else speaks for an old run in Kafka.
"""
STANDINGS: Final[Sequence[RunStanding]] = get_args(RunStanding)
TRUSTED: Final[frozenset[RunStanding]] = frozenset({"announced", "began_before"})

_sql = load_statements("access_log/completeness/row_check")


async def read_standings(connection: Connection, gatekeepers: Sequence[str]) -> Mapping[str, RunStanding]:
    """Return the standing of each run."""
    rows = _sql.runs(connection, gatekeepers=gatekeepers)
    return {
        row["gatekeeper"]: judge_run(
            row["gatekeeper"],
            row["openings"] or (),
            row["public_key"],
            is_registered=row["is_registered"],
            has_records=row["has_records"],
        )
        async for row in rows
    }


def judge_run(
    run: str,
    openings: Sequence[bytes],
    public_key: bytes | None,
    *,
    is_registered: bool,
    has_records: bool,
) -> RunStanding:
    """Return the standing of a run. Neither who reached the broker alone, nor PostgreSQL alone, makes one.

    `has_records` says that the run said something of itself, as only runs with a key do.
    """
    if is_registered and public_key is None:
        # It has no key that a signature could be checked with, so it does not matter what was said.
        return "registered_without_key" if has_records else "began_before"
    if not openings:
        return "not_opened"
    if not is_registered:
        return "not_registered"
    own = [opening for opening in openings if read_public_key(opening, run) == public_key]
    if not own:
        return "wrong_signature"
    return "announced" if len(openings) == 1 else "opened_twice"


def judge_rows(standing: RunStanding, *, name_policies: bool) -> RunStanding:
    """Return the standing of a run in an hour, by rows of that hour: only a run with a key names policies."""
    return "registered_without_key" if standing == "began_before" and name_policies else standing
