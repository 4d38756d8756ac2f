"""What gatekeepers' runs say of themselves, each once; and their policies, each content once."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple

from keyfold.domain.access.gatekeeper_run import RunRecord
from keyfold.store.postgres.connection import Connection, open_connection
from keyfold.store.postgres.errors import translate_errors
from keyfold.store.postgres.statements import load_statements

_sql = load_statements("access_log/run_records")
_HOUR_S: Final = 3600


class NumberedRecord(NamedTuple):
    """A record of a run with a number, in an hour counted since 1970; the opening, number 0, is none."""

    hour: int
    gatekeeper: str
    seq: int


async def add_run_records(connection: Connection, records: Sequence[RunRecord]) -> Iterable[NumberedRecord]:
    """File records that are not there yet; return the new ones that take a number of their run."""
    if not records:
        return ()
    policies = {bytes.fromhex(each.policy_digest): each.policy_text for each in records if each.policy_digest}
    if policies:
        # Sorted, so that two consumers never deadlock.
        digests = sorted(policies)
        await _sql.add_policies(connection, digests=digests, contents=[policies[each] for each in digests])
    once = {(each.gatekeeper, each.event_id): each for each in records}
    ordered = [once[place] for place in sorted(once)]
    added = _sql.add(
        connection,
        gatekeepers=[each.gatekeeper for each in ordered],
        event_ids=[each.event_id for each in ordered],
        numbers=[each.seq for each in ordered],
        types=[each.type for each in ordered],
        times=[each.at for each in ordered],
        statements=[each.statement for each in ordered],
        digests=[
            None if each.policy_digest is None else bytes.fromhex(each.policy_digest) for each in ordered
        ],
    )
    new = [once[row["gatekeeper"], row["event_id"]] async for row in added]
    return [
        NumberedRecord(int(each.at.timestamp() // _HOUR_S), each.gatekeeper, each.seq)
        for each in new
        if each.seq
    ]


async def forget_run_records_before(dsn: str, oldest: date) -> None:
    """Delete what runs without any kept number said before that day. Raises DatabaseAway."""
    async with open_connection(dsn, application_name="audit retention") as connection:
        with translate_errors():
            await _sql.forget(connection, oldest=oldest)
