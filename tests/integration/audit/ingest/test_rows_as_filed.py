"""Completeness is bound to the rows that are there, and to runs that a gatekeeper announced."""

from __future__ import annotations

import pytest

from keyfold.audit.query.completeness_resources import CompletenessItem
from keyfold.domain.access.gatekeeper_run import RunRecord
from keyfold.store.access_log.completeness.numbers import RunHour, check_run_hours
from keyfold.store.access_log.completeness.run_standings import TRUSTED
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.access_log.rows import COLUMNS, event_of
from keyfold.store.access_log.writer import AccessLog
from keyfold.store.postgres.connection import Pool
from keyfold.wire.access.codec import access_record, decode_access_event, encode_access_event
from keyfold.wire.access.run_record import RunSigner, decode_run_record, digest_policy
from keyfold.wire.record import Received
from tests.support.access_events import EPOCH, access_event
from tests.support.audit.accounts import report_of
from tests.support.audit.filing import TOPIC, step
from tests.support.state_secret import LOG_SEAL

RUN = "0195f000-0000-7000-8000-000000000001"
EVENTS = [access_event(number, gatekeeper=RUN, policy=1) for number in range(1, 21)]
WITHOUT_KEY = (
    "update ledger.gatekeeper_runs set public_key = null; update access_log.filed_numbers set sealed = null;"
    " update access_log.events set reason = 'read_only' where seq <= 7"
)
TAMPERINGS = {
    "5 of 20 rows are deleted": "delete from access_log.events where seq <= 5",
    "7 of 20 rows are turned": "update access_log.events set reason = 'read_only' where seq <= 7",
    "a permission is edited": "update access_log.events set category = 'finance' where seq = 3",
    "a path is edited": "update access_log.events set path = '/v1/patient/99' where seq = 3",
    "a row is re-dated": "update access_log.events set at = at + interval '1 second' where seq = 3",
    "a row changes its run": "update access_log.events set gatekeeper = 'another' where seq = 3",
    "a row is inserted": "insert into access_log.events"
    " (at, event_id, method, path, position, gateway, gatekeeper, seq)"
    " select at, gen_random_uuid(), method, path, position, gateway, gatekeeper, 21"
    " from access_log.events where seq = 20",
    "rows are deleted, and their numbers": "delete from access_log.events where seq > 15;"
    " update access_log.filed_numbers set numbers = '{[1,16)}', filed = 15",
    "a policy is taken away": "update access_log.events set policy = null where seq = 3",
    "what is not known is added": "update access_log.events set more = '\"x\":1' where seq = 3",
    "the sums are taken away": "update access_log.filed_numbers set sealed = null",
    "rows are turned, and key and sums taken away": WITHOUT_KEY,
    "that, and the opening too": f"{WITHOUT_KEY}; delete from access_log.run_records",
    "that, and the policies too": f"{WITHOUT_KEY}; update access_log.events set policy = null",
    "a sum is another's": "update access_log.filed_numbers set sealed = set_byte(sealed, 40, 1)",
}


def opening(run: str, signer: RunSigner, event_id: str = RUN) -> RunRecord:
    """Return what opens a run, as the audit service takes it from Kafka."""
    text = "GET /health public"
    line = signer.opened(
        event_id=event_id,
        at=EPOCH,
        version="1.0",
        host="host",
        policy_digest=digest_policy(text),
        policy_text=text,
    )
    record = access_record(line)
    return decode_run_record(
        Received(
            topic=TOPIC,
            partition=0,
            offset=0,
            key=None,
            value=record.value,
            headers=record.headers,
            timestamp_ms=0,
        )
    )


async def register(pool: Pool, run: str, signer: RunSigner) -> None:
    """Register a run's key as its gatekeeper does."""
    await pool.execute(
        "insert into ledger.gatekeeper_runs (id, public_key) values ($1, $2)", run, signer.public_key
    )


async def checked(pool: Pool) -> RunHour:
    """Return the only hour of the run, with its rows checked."""
    found = await check_run_hours(pool, LOG_SEAL, await report_of(pool))
    [hour] = [each for each in found if each.gatekeeper == RUN]
    return hour


@pytest.fixture
async def filed(pool: Pool, partitions: Partitions) -> Pool:
    """A log with 20 rows of an announced run."""
    signer = RunSigner(RUN)
    await register(pool, RUN, signer)
    log = AccessLog(pool, TOPIC, LOG_SEAL)
    await log.file(EVENTS[:12], [step(0)], [opening(RUN, signer)])
    await log.file([*EVENTS[5:], *EVENTS[:3]], [step(1)])
    return pool


async def test_whole(filed: Pool) -> None:
    """What was filed, some of it again, is what is there, and the rows give back its bytes."""
    hour = await checked(filed)
    assert hour.rows is not None
    assert (hour.run, hour.filed, hour.rows.present, hour.rows.altered_blocks) == ("announced", 20, 20, [])
    rows = await filed.fetch(f"select {', '.join(COLUMNS)}, requests from access_log.events order by seq")
    assert [encode_access_event(event_of(row)) for row in rows] == list(map(encode_access_event, EVENTS))


@pytest.mark.parametrize("tampering", TAMPERINGS)
async def test_tampered(filed: Pool, tampering: str) -> None:
    """Whoever may do anything to the tables, but has no secret, cannot make them look as filed."""
    await filed.execute(TAMPERINGS[tampering])
    item = CompletenessItem.of(await checked(filed), None)
    assert item.altered_blocks or item.run not in TRUSTED


async def test_rows_of_nobody(filed: Pool) -> None:
    """Rows of a run that never filed anything in that hour are shown beside those that did."""
    await filed.execute(
        "insert into access_log.events (at, event_id, method, path, position, gateway, gatekeeper, seq)"
        " select at, gen_random_uuid(), method, path, position, gateway, 'ghost', seq"
        " from access_log.events where seq < 5"
    )
    ghost, own = await check_run_hours(filed, LOG_SEAL, await report_of(filed))
    assert ghost.rows is not None
    assert (ghost.gatekeeper, ghost.run, ghost.filed, ghost.rows.present) == ("ghost", "not_opened", 0, 4)
    assert own.rows is not None
    assert own.rows.altered_blocks == []


async def test_retention_is_no_tampering(filed: Pool) -> None:
    """A day that was dropped with its numbers is not asked for any more."""
    await filed.execute("delete from access_log.events; delete from access_log.filed_numbers")
    assert await report_of(filed) == []


async def test_an_invented_run(pool: Pool, partitions: Partitions) -> None:
    """Who reached the broker alone, or PostgreSQL alone, makes no run that counts."""
    log, signer, other = AccessLog(pool, TOPIC, LOG_SEAL), RunSigner(RUN), RunSigner(RUN)

    async def standing() -> str:
        return (await checked(pool)).run

    await log.file(EVENTS, [step(0)])
    assert await standing() == "not_opened"
    await log.file([], [step(1)], [opening(RUN, signer)])
    assert await standing() == "not_registered"
    await register(pool, RUN, other)
    assert await standing() == "wrong_signature"
    await log.file([], [step(2)], [opening(RUN, other, event_id="0195f000-0000-7000-8000-000000000002")])
    assert await standing() == "opened_twice"


async def test_a_run_from_before(pool: Pool, partitions: Partitions) -> None:
    """A run of the version before, which has no key, cries no wolf until somebody opens it in Kafka. That
    does not say that its rows were altered.
    """
    await pool.execute(
        "insert into ledger.gatekeepers (id, host, applied_position, renewed_at)"
        " values ($1, 'host', 0, now())",
        RUN,
    )
    old = [access_event(number, gatekeeper=RUN) for number in range(1, 21)]
    await AccessLog(pool, TOPIC).file(old, [step(0)])
    hour = await checked(pool)
    assert hour.rows is not None
    assert (hour.run, hour.rows.altered_blocks) == ("began_before", [])
    await AccessLog(pool, TOPIC, LOG_SEAL).file([], [step(1)], [opening(RUN, RunSigner(RUN))])
    spoken_for = CompletenessItem.of(await checked(pool), None)
    assert (spoken_for.run, spoken_for.altered_blocks) == ("registered_without_key", [])


async def test_each_policy_once(filed: Pool) -> None:
    """The content of a policy is kept once by its digest, and the statement says the digest."""
    assert await filed.fetchval("select content from access_log.policies") == "GET /health public"
    assert b"policy_text" not in await filed.fetchval("select statement from access_log.run_records")


async def test_a_type_of_tomorrow(pool: Pool, partitions: Partitions) -> None:
    """A record of a type that is not known yet is kept as it came, and its number counts."""
    line = (
        b'{"type":"keyfold.access.seen","event_id":"%b","at":"2026-03-15T12:00:00.000001Z",'
        b'"gatekeeper":"%b","seq":21,"what":[1, 2.50]}' % (RUN.encode(), RUN.encode())
    )
    record = access_record(line)
    received = Received(
        topic=TOPIC, partition=0, offset=0, key=None, value=line, headers=record.headers, timestamp_ms=0
    )
    await AccessLog(pool, TOPIC, LOG_SEAL).file(EVENTS, [step(0)], [decode_run_record(received)])
    hour = await checked(pool)
    assert hour.rows is not None
    assert (hour.last, hour.missing, hour.rows.present, hour.rows.altered_blocks) == (21, 0, 21, [])
    assert await pool.fetchval("select statement from access_log.run_records") == line
    assert decode_access_event(encode_access_event(EVENTS[0])) == EVENTS[0]
