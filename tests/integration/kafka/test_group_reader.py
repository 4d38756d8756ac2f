"""Reading a share of a topic from a real broker, with offsets that are not Kafka's."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping

import pytest

from libs.kafka.connection import ProducerOptions
from libs.kafka.group_reader import GroupReader
from libs.kafka.publisher import Publisher
from tests.bed import Topics
from tests.integration.kafka.records import numbered, values

TIMEOUT_S = 30


class Offsets:
    """Next offsets as a database would keep them."""

    def __init__(self, stored: Mapping[int, int] | None = None) -> None:
        self.stored = dict(stored or {})
        self.asked: list[frozenset[int]] = []

    async def next(self, partitions: frozenset[int]) -> Mapping[int, int]:
        """Return the offsets that are stored, slowly."""
        self.asked.append(partitions)
        await asyncio.sleep(0.2)  # longer than the driver needs to find no committed offset
        return {at: offset for at, offset in self.stored.items() if at in partitions}


@pytest.fixture
async def spread(kafka_bootstrap: str, topics: Topics) -> str:
    """A topic of three partitions, each with the records 0 to 49."""
    topic = await topics("spread", partitions=3)
    async with Publisher(ProducerOptions(bootstrap=kafka_bootstrap)) as publisher:
        await asyncio.gather(*(publisher.publish(topic, at, numbered(0, 50)) for at in range(3)))
    return topic


async def consume(reader: GroupReader, into: dict[int, list[int]], offsets: Offsets, until: int) -> None:
    """Read and store offsets until so many records came in all."""
    async with asyncio.timeout(TIMEOUT_S):
        while sum(map(len, into.values())) < until:
            for partition, records in (await reader.read(timeout_s=0.2)).items():
                into[partition] += values(records)
                offsets.stored[partition] = records[-1].offset + 1


async def test_seeks(kafka_bootstrap: str, spread: str) -> None:
    """Each partition starts at its stored offset, and one without any at its oldest record."""
    offsets = Offsets({0: 10, 1: 50})
    seen: dict[int, list[int]] = defaultdict(list)
    async with GroupReader(kafka_bootstrap, spread, "seeks", next_offsets=offsets.next) as reader:
        await consume(reader, seen, offsets, until=90)
        assert reader.positions == {0: 50, 1: 50, 2: 50}
        assert await reader.end_offsets() == {0: 50, 1: 50, 2: 50}
    assert seen == {0: list(range(10, 50)), 2: list(range(50))}
    assert offsets.asked == [frozenset({0, 1, 2})]


async def test_shares(kafka_bootstrap: str, spread: str) -> None:
    """A second member takes partitions over at the stored offsets: between them, each record once."""
    offsets = Offsets()
    revoked: list[frozenset[int]] = []
    seen: dict[int, list[int]] = defaultdict(list)
    first = GroupReader(kafka_bootstrap, spread, "shares", next_offsets=offsets.next, revoked=revoked.append)
    second = GroupReader(kafka_bootstrap, spread, "shares", next_offsets=offsets.next)
    async with first:
        await consume(first, seen, offsets, until=150)
        async with second, Publisher(ProducerOptions(bootstrap=kafka_bootstrap)) as publisher:
            async with asyncio.timeout(TIMEOUT_S):
                while not (first.positions and second.positions and len(first.positions) < 3):
                    assert await first.read(timeout_s=0.1) == {}
                    assert await second.read(timeout_s=0.1) == {}
            await asyncio.gather(*(publisher.publish(spread, at, numbered(50, 60)) for at in range(3)))
            later: dict[int, list[int]] = defaultdict(list)
            await asyncio.gather(*(consume(member, later, offsets, until=30) for member in (first, second)))
            assert first.positions.keys() & second.positions.keys() == set()
    assert later == {at: list(range(50, 60)) for at in range(3)}
    assert revoked[-1] == frozenset({0, 1, 2}) or frozenset({0, 1, 2}) in revoked


async def test_callback_failure(kafka_bootstrap: str, spread: str) -> None:
    """What the question for offsets raises reaches the caller of read, and nothing was read from anywhere."""

    async def broken(partitions: frozenset[int]) -> Mapping[int, int]:
        raise ConnectionError("no database")

    async with GroupReader(kafka_bootstrap, spread, "broken", next_offsets=broken) as reader:
        with pytest.raises(ConnectionError, match="no database"):
            async with asyncio.timeout(TIMEOUT_S):
                while not await reader.read(timeout_s=0.2):
                    pass
