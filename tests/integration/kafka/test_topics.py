"""Topics on a real broker: missing ones are made, and faults are reported with their remedy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from structlog.testing import capture_logs

from keyfold.kafka.access import client_options
from keyfold.kafka.errors import KafkaMisconfigured
from keyfold.kafka.topic_watch import TopicWatch
from keyfold.kafka.topics import find_topic_faults, prepare_topics
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.topics import ACCESS, LIFECYCLE, TopicSpec
from tests.support.bed import Topics
from tests.support.eventually import eventually

INTERVAL_S = 0.05


async def make_topic(topics: Topics, spec: TopicSpec, *, partitions: int = 1, **config: str) -> TopicSpec:
    """Make a topic for the spec under a name of its own, with another configuration; return its spec."""
    altered = dict(spec.config) | {name.replace("_", "."): value for name, value in config.items()}
    name = await topics("rules", partitions=partitions, config=altered)
    return replace(spec, name=name, partitions=1)


@asynccontextmanager
async def administering(kafka: KafkaAccess) -> AsyncIterator[AIOKafkaAdminClient]:
    """Yield an operator's client."""
    admin = AIOKafkaAdminClient(**client_options(kafka))
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def alter(kafka: KafkaAccess, topic: str, config: Mapping[str, str]) -> None:
    """Replace a topic's whole configuration."""
    async with administering(kafka) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=dict(config))])


async def test_what_is_missing_is_made_and_said(kafka_access: KafkaAccess) -> None:
    """Making a topic is logged as a warning, because it may have been deleted."""
    spec = replace(ACCESS, name="test.made-and-said", partitions=3)
    with capture_logs() as logs:
        await prepare_topics(kafka_access, [spec])
    assert logs == [
        {
            "event": "topic_created",
            "log_level": "warning",
            "topic": spec.name,
            "partitions": 3,
            "config": dict(spec.config),
        }
    ]
    assert await find_topic_faults(kafka_access, [spec]) == []


@pytest.mark.parametrize(
    ("partitions", "config", "wrong"),
    [
        (2, {}, "it has 2 partitions"),
        (1, {"cleanup_policy": "compact"}, "cleanup.policy is compact"),
        (1, {"retention_ms": "3600000"}, "records are deleted after 1 h, and must be kept for ever"),
        (1, {"retention_bytes": "1000000"}, "records are deleted past 1,000,000 bytes"),
    ],
)
async def test_a_history_that_loses_events_is_refused(
    kafka_access: KafkaAccess, topics: Topics, partitions: int, config: dict[str, str], wrong: str
) -> None:
    """No service starts on a lifecycle topic that loses events or order; the refusal names the remedy."""
    spec = await make_topic(topics, LIFECYCLE, partitions=partitions, **config)
    with pytest.raises(KafkaMisconfigured, match=wrong):
        await prepare_topics(kafka_access, [spec])


async def test_what_may_lose_accesses_is_warned_about(kafka_access: KafkaAccess, topics: Topics) -> None:
    """An hour of retention is an operator's risk: the service starts, and warns of the consequence."""
    spec = await make_topic(topics, ACCESS, partitions=2, retention_ms="3600000")
    with capture_logs() as logs:
        await prepare_topics(kafka_access, [spec])
    (warning,) = logs
    assert warning["event"] == "topic_misconfigured"
    assert warning["wrong"] == "records are deleted after 1 h, and must be kept 7 d"
    assert warning["mend"].endswith(f"--entity-name {spec.name} --add-config retention.ms=604800000")


async def test_a_change_is_noticed_while_running(kafka_access: KafkaAccess, topics: Topics) -> None:
    """A harmful change makes a running process unready; once it is undone, the process is ready again."""
    spec = await make_topic(topics, LIFECYCLE)
    watch = TopicWatch(kafka_access, [spec], interval_s=INTERVAL_S)
    task = asyncio.create_task(watch.watch())

    async def says(words: str | None) -> bool:
        found = watch.check()
        return found is None if words is None else words in (found or "")

    try:
        await eventually(lambda: says(None))
        await alter(kafka_access, spec.name, {"cleanup.policy": "compact", "retention.ms": "-1"})
        await eventually(lambda: says("cleanup.policy is compact"))
        await alter(kafka_access, spec.name, spec.config)
        await eventually(lambda: says(None))
        async with administering(kafka_access) as admin:
            await admin.delete_topics([spec.name])
        await eventually(lambda: says(f"{spec.name}: it is missing"))
    finally:
        task.cancel()
