"""From a topic into either sink: each record once, whatever goes wrong."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from keyfold.ingest.port import WriterFenced
from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.errors import RecordsGone
from keyfold.wire.record import Record
from tests.support.eventually import eventually
from tests.support.ingest.beds import Bed, Ingesting, LosesWrites, holds, ingesting, publish
from tests.support.kafka.losing_answers import LosesAnswers
from tests.support.kafka.records import delete_before

POISON = Record(key=b"key_1", value=b'{"secret-thing": 1}', headers=(), timestamp_ms=1_773_576_000_000)


async def test_every_partition(bed: Bed) -> None:
    """Records from before the start and later ones are written, from every partition; offsets are known."""
    await publish(bed, 1, 2)
    async with ingesting(bed) as running:
        await publish(bed, 3, partition=1)
        await holds(bed, 1, 2, 3)
        assert running.delivery.written == await bed.offsets() == {0: 2, 1: 1}


async def test_repeats(bed: Bed) -> None:
    """A repeated record adds nothing, from whichever partition it comes."""
    numbers = range(1, 51)
    await publish(bed, *numbers)
    await publish(bed, *numbers[30:], 51)
    await publish(bed, *numbers[:5], partition=1)
    async with ingesting(bed):
        await holds(bed, *range(1, 52))
        await eventually(lambda: _stands_at(bed, {0: 71, 1: 5}))


async def _stands_at(bed: Bed, expected: dict[int, int]) -> bool:
    return await bed.offsets() == expected


async def test_goes_on_where_the_sink_stands(bed: Bed) -> None:
    """The next process begins after what is written."""
    await publish(bed, 1, 2, 3)
    async with ingesting(bed):
        await holds(bed, 1, 2, 3)
    await bed.move(0, 2)
    await publish(bed, 4)
    async with ingesting(bed):
        await holds(bed, 1, 2, 3, 4)


async def test_lost_answer(bed: Bed) -> None:
    """A write whose answer is lost is not made again, and fences nobody."""
    await publish(bed, 1, 2)
    sink = LosesWrites(bed.sink(), times=2)
    async with ingesting(bed, sink=sink) as running:
        await holds(bed, 1, 2)
        await publish(bed, 3)
        await holds(bed, 1, 2, 3)
        assert running.measured.times_fenced == 0


async def test_fenced(bed: Bed) -> None:
    """A process that finds that another has written asks for its offsets again and goes on there."""
    async with ingesting(bed) as running:
        await publish(bed, 1)
        await holds(bed, 1)
        await bed.move(0, 2)
        await publish(bed, 2, 3)
        await holds(bed, 1, 3)
        assert running.measured.times_fenced == 1


async def test_shares(bed: Bed) -> None:
    """Two processes share the partitions; a third stands by and is ready; the survivors take over."""
    async with ingesting(bed) as first:
        async with ingesting(bed) as second:
            await eventually(lambda: _read(1, first, second))
            async with ingesting(bed) as third:
                await eventually(lambda: _is_ready(third))
            await publish(bed, 1)
            await publish(bed, 2, partition=1)
            await holds(bed, 1, 2)
        await publish(bed, 3)
        await publish(bed, 4, partition=1)
        await holds(bed, 1, 2, 3, 4)
        await eventually(lambda: _read(2, first))


async def _read(partitions: int, *running: Ingesting) -> bool:
    return all(len(each.reader.positions) == partitions for each in running)


async def _is_ready(running: Ingesting) -> bool:
    return running.loop.unready() is None


async def test_ready(bed: Bed) -> None:
    """It is ready once the sink has what the topic held at the start, and until then says how far it is."""
    await publish(bed, *range(1, 6))
    async with ingesting(bed) as running:
        assert running.loop.unready() == "this process's share of the topic is not known yet"
        await eventually(lambda: _is_ready(running))
        assert await bed.numbers() == [1, 2, 3, 4, 5]
        await eventually(lambda: _is_behind(running, 0))


async def _is_behind(running: Ingesting, records: int) -> bool:
    return running.measured.behind == records


async def test_set_aside(bed: Bed) -> None:
    """A record that cannot be written is a dead letter before the offset moves; the partition goes on."""
    await publish(bed, 1)
    await bed.wires.publish_raw([POISON])
    await publish(bed, 2)
    losing = LosesAnswers(ProducerOptions(kafka=bed.wires.kafka), times=2)
    async with ingesting(bed, dead_letters=losing) as running:
        assert await eventually(lambda: _trouble(running)) == "Kafka is away"
        assert await bed.offsets() == {}
        await holds(bed, 1, 2)
        assert running.measured.kinds == ["malformed"]
    letters = await bed.wires.dead_letters()
    assert [each.value for each in letters] == [POISON.value] * 3


async def _trouble(running: Ingesting) -> str | None:
    reason = running.loop.unready()
    return reason if reason and reason.endswith("is away") else None


async def test_junk_without_end(bed: Bed) -> None:
    """Of 3,000 records of garbage the first are dead letters; what follows is filed."""
    await bed.wires.publish_raw([POISON] * 3_000)
    await publish(bed, 1)
    async with ingesting(bed, junk_max=5) as running:
        await holds(bed, 1)
        assert len(running.measured.kinds) == 3_000
    assert len(await bed.wires.dead_letters()) == 5


async def test_gone(bed: Bed) -> None:
    """Records that Kafka deleted before they were written are logged, counted and passed over."""
    await publish(bed, 1, 2, 3)
    async with ingesting(bed):
        await holds(bed, 1, 2, 3)
    await publish(bed, *range(4, 11))
    await delete_before(bed.wires.kafka, bed.wires.topic, 8)
    with capture_logs() as logs:
        async with ingesting(bed) as running:
            await holds(bed, 1, 2, 3, 9, 10)
            assert running.measured.records_gone == {0: 5}
    errors = [each for each in logs if each["log_level"] == "error"]
    assert [(each["event"], each["partition"], each["first"], each["last"]) for each in errors] == [
        ("records_gone", 0, 3, 7)
    ]


async def test_zombie(bed: Bed) -> None:
    """A process that was overtaken passes over nothing either: the offset moves by a compare-and-set."""
    await publish(bed, 1)
    async with ingesting(bed) as zombie:
        await holds(bed, 1)
    await publish(bed, 2)
    async with ingesting(bed):
        await holds(bed, 1, 2)
    with pytest.raises(WriterFenced):
        await zombie.delivery.pass_over({0: 5})
    assert await bed.offsets() == {0: 2}


async def test_ahead_of_kafka(bed: Bed) -> None:
    """An offset beyond Kafka's end was not deleted: the sink belongs to another topic, and nothing moves."""
    await publish(bed, 1, 2)
    async with ingesting(bed):
        await holds(bed, 1, 2)
    await bed.move(0, 5000)
    async with ingesting(bed) as running:
        await asyncio.wait([running.task], timeout=20)
        assert isinstance(running.task.exception(), RecordsGone)
    assert await bed.offsets() == {0: 5000}


async def test_caught_up(bed: Bed) -> None:
    """It is noted, again and again, when the sink had everything that each partition held."""
    await publish(bed, 1)
    async with ingesting(bed):
        first = await eventually(bed.complete_at)
        assert await bed.numbers() == [1]
        await publish(bed, 2, partition=1)

        async def later() -> bool:
            at = await bed.complete_at()
            return at is not None and at > first and await bed.numbers() == [1, 2]

        await eventually(later)
