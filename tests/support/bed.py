"""The real servers that tests run against, whose data end with the session."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from keyfold.kafka.topics import ensure_topics
from keyfold.local.servers.kafka import LocalKafka
from keyfold.local.servers.postgres import LocalPostgres
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.topics import TopicSpec

NO_CONFIG: Mapping[str, str] = MappingProxyType({})


def postgres_in(directory: Path) -> LocalPostgres:
    """Return a PostgreSQL, not started, that trades durability for speed."""
    return LocalPostgres(directory / "postgres", directory / "postgres.log", durable=False)


def kafka_in(directory: Path) -> LocalKafka:
    """Return a Kafka broker, not started."""
    return LocalKafka(directory / "kafka", directory / "kafka.log")


@dataclass(slots=True, kw_only=True)
class Topics:
    """Makes topics that no other test uses."""

    kafka: KafkaAccess
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def __call__(
        self, name: str = "topic", *, partitions: int = 1, config: Mapping[str, str] = NO_CONFIG
    ) -> str:
        """Create a topic and return its name."""
        unique = f"test.{name}.{next(self._numbers)}"
        await ensure_topics(self.kafka, [TopicSpec(name=unique, partitions=partitions, config=config)])
        return unique
