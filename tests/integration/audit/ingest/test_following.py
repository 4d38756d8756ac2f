"""From the access topic into the log: every event once, whatever else is on the topic."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from keyfold.kafka.connection import ProducerOptions
from keyfold.local.servers.postgres import LocalPostgres
from keyfold.runtime.metrics import REGISTRY
from keyfold.store.access_log.counts import read_caught_up
from keyfold.store.postgres.connection import Pool, open_pool
from keyfold.store.postgres.migrations import migrate
from keyfold.wire.record import Received, Record
from tests.support.access_events import EPOCH, access_event
from tests.support.audit.following import consuming
from tests.support.audit.rows import has
from tests.support.eventually import eventually
from tests.support.ingest.wires import Running, Wires
from tests.support.kafka.losing_answers import LosesAnswers

pytestmark = pytest.mark.usefixtures("partitions")
END_SESSIONS = """
select pg_terminate_backend(pid) from pg_stat_activity
where application_name like 'keyfold reader of %' and datname = current_database()
"""
POISON = Record(
    key=b"key_1",
    value=b'{"secret-thing": 1}',
    headers=(("ce_id", b"poison"),),
    timestamp_ms=1_773_576_000_000,
)


def read_counter(name: str) -> float:
    """Return the value of a counter."""
    return REGISTRY.get_sample_value(name) or 0.0


def header(received: Received, name: str) -> str:
    """Return a header's text."""
    return dict(received.headers)[name].decode()


async def test_events_of_all_partitions_are_filed(wires: Wires, pool: Pool) -> None:
    """Events are filed from every partition, earlier ones and new ones."""
    await wires.publish(access_event(1), access_event(2))
    async with consuming(wires, pool):
        await wires.publish(access_event(3), partition=1)
        await has(pool, 1, 2, 3)


async def _stands_at(found: object, expected: object) -> bool:
    return found == expected


async def test_a_restart_goes_on_where_the_log_stands(wires: Wires, pool: Pool) -> None:
    """The next consumer begins after what is filed, because the offsets are in the log's own database."""
    await wires.publish(access_event(1), access_event(2))
    async with consuming(wires, pool):
        await has(pool, 1, 2)
    await pool.execute("delete from access_log.events")
    await wires.publish(access_event(3))
    async with consuming(wires, pool):
        await has(pool, 3)


async def test_a_lost_session_costs_nothing(wires: Wires, pool: Pool) -> None:
    """Consumers whose sessions are ended share the partitions out anew, and everything is filed once."""
    async with consuming(wires, pool) as first, consuming(wires, pool) as second:
        await eventually(lambda: _reads(1, first, second))
        await wires.publish(access_event(1))
        await has(pool, 1)
        assert len(await pool.fetch(END_SESSIONS)) == 2
        await wires.publish(access_event(2))
        await wires.publish(access_event(3), partition=1)
        await has(pool, 1, 2, 3)
        await eventually(lambda: _reads(1, first, second))


async def _reads(partitions: int, *consumers: Running) -> bool:
    return all(len(each.reader.positions) == partitions for each in consumers)


async def _is_ready(reason: str | None) -> bool:
    return reason is None


async def test_a_poison_record_is_dead_lettered_and_the_partition_goes_on(wires: Wires, pool: Pool) -> None:
    """A record that is no access event is a dead letter with its origin and a reason that quotes nothing."""
    await wires.publish(access_event(1))
    await wires.publish_raw([POISON])
    await wires.publish(access_event(2))
    async with consuming(wires, pool):
        await has(pool, 1, 2)
    [letter] = await wires.dead_letters()
    assert (letter.key, letter.value, header(letter, "ce_id")) == (POISON.key, POISON.value, "poison")
    assert header(letter, "keyfold_dead_topic") == wires.topic
    assert header(letter, "keyfold_dead_partition") == "0"
    assert header(letter, "keyfold_dead_offset") == "1"
    assert header(letter, "keyfold_dead_reason") == "malformed: it is no access event (ValidationError)"


async def test_late_events_are_filed_in_their_own_day(wires: Wires, pool: Pool) -> None:
    """An event that is days late, but within the 90, gets a partition of its day and counts as late."""
    late = [access_event(1, at=EPOCH - timedelta(days=80)), access_event(2, at=EPOCH - timedelta(days=89))]
    before = read_counter("keyfold_audit_late_total")
    await wires.publish(*late, *late, access_event(3))
    async with consuming(wires, pool) as consumer:
        await has(pool, 1, 2, 3)
        await eventually(lambda: _stands_at(consumer.delivery.written, {0: 5}))
    assert read_counter("keyfold_audit_late_total") - before == 2
    days = await pool.fetch("select tableoid::regclass::text as day from access_log.events order by seq")
    assert [row["day"] for row in days] == [
        "access_log.events_20251225",
        "access_log.events_20251216",
        "access_log.events_20260315",
    ]


async def test_events_of_another_time_are_dead_letters(wires: Wires, pool: Pool) -> None:
    """Events too old for the log, or from the future, are dead-lettered with the reason."""
    old = access_event(1, at=EPOCH - timedelta(days=90, seconds=1))
    future = access_event(2, at=EPOCH + timedelta(seconds=301))
    dead = {kind: count_dead_letters(kind) for kind in ("too_old", "in_the_future")}
    await wires.publish(old, future, access_event(3))
    async with consuming(wires, pool) as consumer:
        await has(pool, 3)
        await eventually(lambda: _stands_at(consumer.delivery.written, {0: 3}))
    assert {kind: count_dead_letters(kind) - before for kind, before in dead.items()} == dict.fromkeys(
        dead, 1
    )
    reasons = [header(letter, "keyfold_dead_reason") for letter in await wires.dead_letters()]
    assert reasons == [
        "too_old: it is from before the log's 90 days",
        "in_the_future: it is more than 300 s ahead of this clock",
    ]


def count_dead_letters(kind: str) -> float:
    """Return how many dead letters there were of a kind."""
    return REGISTRY.get_sample_value("keyfold_audit_dead_lettered_total", {"kind": kind}) or 0.0


async def test_not_complete_before_it_is_filed(wires: Wires, pool: Pool) -> None:
    """Nothing is noted of a partition while records of it wait to be filed."""
    await wires.publish_raw([POISON])
    losing = LosesAnswers(ProducerOptions(kafka=wires.kafka), times=1000)
    async with consuming(wires, pool, dead_letters=losing) as consumer:
        await eventually(lambda: _trouble(consumer))
        assert await read_caught_up(pool, wires.topic, age_max_s=60) is None
        noted = "select count(*) from access_log.offsets where partition = 0"
        assert await pool.fetchval(noted) == 0


async def test_postgresql_away_loses_nothing(wires: Wires, tmp_path: Path) -> None:
    """While PostgreSQL is away the consumer waits and says so; afterwards everything is filed once."""
    server = LocalPostgres(tmp_path / "postgres", tmp_path / "postgres.log")
    await server.start()
    try:
        await migrate(server.dsn)
        async with (
            open_pool(server.dsn, application_name="test") as pool,
            consuming(replace(wires, dsn=server.dsn), pool) as consumer,
        ):
            await wires.publish(access_event(1))
            await has(pool, 1)
            await server.kill()
            await wires.publish(access_event(2))
            assert await eventually(lambda: _trouble(consumer)) == "PostgreSQL is away"
            await server.start()
            await wires.publish(access_event(3))
            await has(pool, 1, 2, 3)
            await eventually(lambda: _is_ready(consumer.loop.unready()))
    finally:
        await server.stop()


async def _trouble(consumer: Running) -> str | None:
    """Return what the consumer waits for; that it is behind is no trouble."""
    reason = consumer.loop.unready()
    return reason if reason and reason.endswith("is away") else None
