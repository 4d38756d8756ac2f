"""From gatekeepers' journals to the access topic: every event, in order, until the broker has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from shutil import copytree

import pytest
from structlog.testing import capture_logs

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.local.servers.kafka import LocalKafka
from keyfold.runtime.clock import SYSTEM_CLOCK
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.shipper.journal_directory import JournalTaken, open_journal_directory
from keyfold.shipper.shipping import Shipping
from keyfold.wire.access.closed_run import decode_closed_run, is_closed_run_record
from keyfold.wire.access.codec import decode_access_event
from keyfold.wire.journal.files import COUNTED, DAMAGED, segment_name
from keyfold.wire.record import Received
from keyfold.wire.topics import ACCESS
from tests.support.access_events import access_event, journal_lines
from tests.support.bed import Topics, kafka_in
from tests.support.eventually import eventually
from tests.support.kafka.records import read_all
from tests.support.shipper.journals import Writer, slot

PARTITIONS = 2


@pytest.fixture
async def topic(topics: Topics) -> str:
    """A topic of access events."""
    return await topics("access", partitions=PARTITIONS, config=ACCESS.config)


@asynccontextmanager
async def shipper(root: Path, kafka: KafkaAccess, topic: str) -> AsyncIterator[Shipping]:
    """A shipper, set up as in its process, that ships when it is told to."""
    async with open_journal_directory(root) as journals, Publisher(_options(kafka)) as publisher:
        yield Shipping(
            journals,
            publisher,
            topic=topic,
            partitions=PARTITIONS,
            clock=SYSTEM_CLOCK,
            batch_bytes_max=1024 * 1024,
            poll_interval_s=0.02,
        )


def _options(kafka: KafkaAccess) -> ProducerOptions:
    return ProducerOptions(kafka=kafka, timeout_s=2)


@asynccontextmanager
async def shipping(root: Path, kafka: KafkaAccess, topic: str) -> AsyncIterator[Shipping]:
    """A shipper that runs by itself and ends abruptly."""
    async with shipper(root, kafka, topic) as it:
        task = asyncio.create_task(it.run())
        try:
            yield it
        finally:
            task.cancel()
            await asyncio.wait([task])


async def records_in(kafka: KafkaAccess, topic: str) -> list[Received]:
    """Return everything that the topic has, partition by partition."""
    return [record for partition in range(PARTITIONS) for record in await read_all(kafka, topic, partition)]


def seqs(records: list[Received], gatekeeper: str = "gatekeeper-1") -> list[int]:
    """Return the numbers of one run's events."""
    decided = [record for record in records if not is_closed_run_record(record)]
    events = [decode_access_event(record.value or b"") for record in decided]
    return [event.seq for event in events if event.gatekeeper == gatekeeper]


async def wait_for_events(
    kafka: KafkaAccess, topic: str, *expected: int, gatekeeper: str = "gatekeeper-1"
) -> None:
    """Wait until exactly these events are on the topic, in this order."""

    async def same() -> bool:
        return seqs(await records_in(kafka, topic), gatekeeper) == list(expected)

    await eventually(same)


async def test_events_are_shipped_as_they_are_written(
    tmp_path: Path, kafka_access: KafkaAccess, topic: str
) -> None:
    """A live journal's events arrive in order, those from before the shipper's start too."""
    writer = Writer(tmp_path)
    writer.write(2)
    async with shipping(tmp_path, kafka_access, topic):
        writer.write(1)
        await wait_for_events(kafka_access, topic, 1, 2, 3)
        writer.rotate()
        writer.write(2)
        await wait_for_events(kafka_access, topic, 1, 2, 3, 4, 5)


async def test_a_record_is_the_journals_bytes_in_a_cloudevent(
    tmp_path: Path, kafka_access: KafkaAccess, topic: str
) -> None:
    """A record's value is the event's JSON as it was journalled, its key the subscriber key."""
    Writer(tmp_path).write(1)
    async with shipper(tmp_path, kafka_access, topic) as it:
        assert await it.ship_once() == 1
    [record] = await records_in(kafka_access, topic)
    event_id = access_event(1).event_id
    assert record.value is not None
    assert journal_lines(access_event(1)).endswith(record.value + b"\n")
    assert (record.key, dict(record.headers)["ce_id"]) == (b"key_1", event_id.encode())


async def test_a_restart_ships_on_where_it_stopped(
    tmp_path: Path, kafka_access: KafkaAccess, topic: str
) -> None:
    """A new shipper sends nothing again that the broker has acknowledged."""
    writer = Writer(tmp_path)
    for count in (2, 3):
        writer.write(count)
        async with shipper(tmp_path, kafka_access, topic) as it:
            await it.ship_once()
    assert seqs(await records_in(kafka_access, topic)) == [1, 2, 3, 4, 5]


async def test_every_run_is_shipped_in_each_round(
    tmp_path: Path, kafka_access: KafkaAccess, topic: str
) -> None:
    """A gatekeeper with little to say does not wait until one with much is done."""
    busy, quiet = Writer(tmp_path, "busy"), Writer(tmp_path, "quiet")
    busy.write(5000)
    quiet.write(1)
    async with shipper(tmp_path, kafka_access, topic) as it:
        shipped = await it.ship_once()
    records = await records_in(kafka_access, topic)
    assert len(records) == shipped < 5001
    assert seqs(records, "quiet") == [1]
    assert seqs(records, "busy") == list(range(1, shipped))


async def test_dead_runs_are_shipped_and_taken_away(
    tmp_path: Path, kafka_access: KafkaAccess, topic: str
) -> None:
    """What gatekeepers left behind is shipped, and their directories go; a live one's stays."""
    dead, live = Writer(tmp_path, "dead"), Writer(tmp_path, "live")
    for writer in (dead, live):
        writer.write(2)
    dead.die()
    async with shipper(tmp_path, kafka_access, topic) as it:
        while await it.ship_once():
            pass
    records = await records_in(kafka_access, topic)
    assert (seqs(records, "dead"), seqs(records, "live")) == ([1, 2], [1, 2])
    assert not dead.path.exists()
    assert live.path.exists()


async def test_what_was_read_ahead_arrives_once_and_in_order(
    tmp_path: Path, kafka_access: KafkaAccess, topic: str
) -> None:
    """Many shipments, read while those before them are on their way, are one run in the end."""
    writer = Writer(tmp_path)
    for count in (4000, 1, 4000):
        writer.write(count)
        writer.rotate()
    (writer.path / COUNTED).write_bytes(slot(9000, 7))
    writer.die()
    async with shipper(tmp_path, kafka_access, topic) as it:
        shipped = [await it.ship_once()]
        while shipped[-1] or writer.path.exists():
            shipped.append(await it.ship_once())
    records = await records_in(kafka_access, topic)
    assert len(shipped) > 5
    assert sorted(seqs(records)) == list(range(1, 8003))
    [closed] = [decode_closed_run(record.value or b"") for record in records if is_closed_run_record(record)]
    assert (closed.last_seq, closed.is_exact) == (8002, True)


async def test_a_dead_run_is_closed_behind_its_last_event(
    tmp_path: Path, kafka_access: KafkaAccess, topic: str
) -> None:
    """Once all is acknowledged the last number is told, before the run is gone; a repeat is the same."""
    dead, live = Writer(tmp_path, "dead"), Writer(tmp_path, "live")
    for writer in (dead, live):
        writer.write(3)
    async with shipper(tmp_path, kafka_access, topic) as it:
        assert await it.ship_once() == 6
        kept = tmp_path / ".kept"
        copytree(dead.path, kept)
        dead.die()
        assert await it.ship_once() == 0
        assert not dead.path.exists()
        kept.rename(dead.path)  # as after a kill just before the removal
        assert await it.ship_once() == 0
    records = await records_in(kafka_access, topic)
    first, second = [record for record in records if is_closed_run_record(record)]
    assert (first.value, first.headers) == (second.value, second.headers)
    closed = decode_closed_run(first.value or b"")
    assert (closed.gatekeeper, closed.last_seq, closed.is_exact) == ("dead", 3, True)


async def test_a_torn_tail_and_a_corrupt_middle_are_kept_aside(
    tmp_path: Path, kafka_access: KafkaAccess, topic: str
) -> None:
    """Everything good around damage is shipped; the damaged bytes are kept under the name of their range."""
    writer = Writer(tmp_path)
    writer.write(1)
    start = (writer.path / "00000000000000000001.journal").stat().st_size
    corrupt, torn = b"0badc0de {}\n", journal_lines(access_event(3))[:30]
    writer.write_raw(corrupt)
    writer.write(1)
    end = (writer.path / "00000000000000000001.journal").stat().st_size
    writer.write_raw(torn)
    writer.die()
    with capture_logs() as logs:
        async with shipper(tmp_path, kafka_access, topic) as it:
            assert await it.ship_once() == 2
    told = [each for each in logs if each["event"] == "journal_damaged"]
    assert [(each["segment"], each["start"], each["end"]) for each in told] == [
        (f"gatekeeper-1/{segment_name(1)}", start, start + len(corrupt)),
        (f"gatekeeper-1/{segment_name(1)}", end, end + len(torn)),
    ]
    assert seqs(await records_in(kafka_access, topic)) == [1, 2]
    assert not writer.path.exists()
    prefix = "gatekeeper-1.00000000000000000001"
    assert {each.name: each.read_bytes() for each in (tmp_path / DAMAGED).iterdir()} == {
        f"{prefix}.{start}-{start + len(corrupt)}": corrupt,
        f"{prefix}.{end}-{end + len(torn)}": torn,
    }


async def test_a_clock_that_is_far_off_stops_nothing(
    tmp_path: Path, kafka_access: KafkaAccess, topic: str
) -> None:
    """The broker takes an event from any time, and keeps it from its arrival on."""
    writer, now = Writer(tmp_path), SYSTEM_CLOCK.now()
    ahead, behind = access_event(1, at=now + timedelta(days=1)), access_event(2, at=now - timedelta(days=80))
    writer.write_raw(journal_lines(ahead, behind))
    async with shipper(tmp_path, kafka_access, topic) as it, asyncio.timeout(20):
        assert await it.ship_once() == 2
    records = await records_in(kafka_access, topic)
    assert seqs(records) == [1, 2]
    assert all(record.timestamp_ms >= int(now.timestamp() * 1000) for record in records)


async def test_one_shipper_has_a_journal_directory(tmp_path: Path) -> None:
    """A second shipper is told to wait, and may begin when the first has ended."""
    async with open_journal_directory(tmp_path):
        with pytest.raises(JournalTaken):
            async with open_journal_directory(tmp_path):
                pass
    async with open_journal_directory(tmp_path):
        pass


@pytest.fixture
async def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalKafka]:
    """A broker that this test may kill."""
    broker = kafka_in(tmp_path_factory.mktemp("own-kafka"))
    await broker.start()
    yield broker
    await broker.stop()


async def test_kafka_away_loses_nothing(tmp_path: Path, own_kafka: LocalKafka) -> None:
    """While the broker is away the journal grows and the shipper says why; when it is back, all arrives."""
    topic = await Topics(kafka=own_kafka.access)("access", partitions=PARTITIONS, config=ACCESS.config)
    writer = Writer(tmp_path)
    async with shipping(tmp_path, own_kafka.access, topic) as it:
        writer.write(1)
        await wait_for_events(own_kafka.access, topic, 1)
        await own_kafka.kill()
        writer.write(1)
        await eventually(lambda: _is_failing(it))
        writer.write(1)
        await own_kafka.start()
        await eventually(lambda: _holds(own_kafka.access, topic, {1, 2, 3}), within_s=40)
        assert it.unready() is None


async def _is_failing(it: Shipping) -> bool:
    return it.unready() is not None


async def _holds(kafka: KafkaAccess, topic: str, expected: set[int]) -> bool:
    return set(seqs(await records_in(kafka, topic))) == expected
