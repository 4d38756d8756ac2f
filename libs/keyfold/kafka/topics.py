"""Topics: created at the start, never by the accident of a first write, and checked from then on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import structlog
from aiokafka import errors as driver
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from keyfold.kafka.access import client_options, open_client
from keyfold.kafka.errors import KafkaMisconfigured, Unavailable, translate_read_errors
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.topic_rules import Topic, TopicFault, topic_faults
from keyfold.wire.topics import TopicSpec

REPLICATION_BY_BROKER: Final = -1
TIMEOUT_S: Final = 15.0
MISSING: Final = "it is missing"

_NOT_ALLOWED: Final = (
    driver.TopicAuthorizationFailedError.errno,
    driver.ClusterAuthorizationFailedError.errno,
)

log = structlog.get_logger(__name__)


async def ensure_topics(
    kafka: KafkaAccess, specs: Iterable[TopicSpec], *, timeout_s: float = TIMEOUT_S
) -> frozenset[str]:
    """Create the missing topics and return their names.

    An existing topic stays as it is, because an operator may have changed it; `prepare_topics` warns of its
    faults. Raises Unavailable (nothing is lost, call again) or KafkaMisconfigured.
    """
    async with _admin(kafka, timeout_s) as admin:
        return await _create_missing(admin, {spec.name: spec for spec in specs})


async def prepare_topics(kafka: KafkaAccess, specs: Sequence[TopicSpec]) -> None:
    """Create the missing topics, and warn of each one and of the faults of the others.

    Raises KafkaMisconfigured if a fault is fatal, and Unavailable.
    """
    created = await ensure_topics(kafka, specs)
    for spec in specs:
        if spec.name in created:
            log.warning(
                "topic_created", topic=spec.name, partitions=spec.partitions, config=dict(spec.config)
            )
    faults = await find_topic_faults(kafka, specs)
    if unlisted := [fault.topic for fault in faults if fault.wrong == MISSING]:
        raise Unavailable(f"Kafka does not list {', '.join(unlisted)} yet")
    for fault in faults:
        log.warning("topic_misconfigured", topic=fault.topic, wrong=fault.wrong, mend=fault.mend)
    if fatal := [str(fault) for fault in faults if fault.fatal]:
        raise KafkaMisconfigured(". ".join(fatal))


async def find_topic_faults(
    kafka: KafkaAccess, specs: Sequence[TopicSpec], *, timeout_s: float = TIMEOUT_S
) -> Sequence[TopicFault]:
    """Return the present faults of the topics. Raises Unavailable or KafkaMisconfigured.

    Their configuration is checked if this principal may see it; if not, that is a fault too.
    """
    described = await describe_topics(kafka, specs, timeout_s=timeout_s)
    return [fault for spec in specs for fault in _faults(spec, described.get(spec.name))]


async def describe_topics(
    kafka: KafkaAccess, specs: Sequence[TopicSpec], *, timeout_s: float = TIMEOUT_S
) -> Mapping[str, Topic]:
    """Return the topics that are there, by name. Raises Unavailable or KafkaMisconfigured."""
    async with _admin(kafka, timeout_s) as admin:
        described = await admin.describe_topics([spec.name for spec in specs])
        configs = await _configs(admin, [spec.name for spec in specs])
    return {
        each["topic"]: Topic(
            partitions=len(partitions),
            copies=min(len(partition["replicas"]) for partition in partitions),
            config=configs.get(each["topic"]) or {},
        )
        for each in described
        if (partitions := each["partitions"])
    }


def _faults(spec: TopicSpec, found: Topic | None) -> Iterable[TopicFault]:
    if found is None:
        mend = "keyfold topics make, or start a service that may make it: it is made without what was in it"
        return [TopicFault(topic=spec.name, wrong=MISSING, mend=mend, fatal=True)]
    return [*topic_faults(spec, found), *([] if found.config else [_unseen_config(spec)])]


def _unseen_config(spec: TopicSpec) -> TopicFault:
    return TopicFault(
        topic=spec.name,
        wrong="its configuration may not be seen, so it is not known whether records are kept",
        mend="allow this principal DescribeConfigs on it",
        fatal=False,
    )


@asynccontextmanager
async def _admin(kafka: KafkaAccess, timeout_s: float) -> AsyncIterator[AIOKafkaAdminClient]:
    with translate_read_errors():
        async with asyncio.timeout(timeout_s):
            admin = AIOKafkaAdminClient(**client_options(kafka), request_timeout_ms=int(timeout_s * 1000))
            try:
                await open_client(admin, kafka)
                yield admin
            finally:
                await admin.close()


async def _create_missing(admin: AIOKafkaAdminClient, specs: dict[str, TopicSpec]) -> frozenset[str]:
    missing = frozenset(specs) - frozenset(await admin.list_topics())
    if not missing:
        return missing
    answer = await admin.create_topics([_new_topic(specs[name]) for name in sorted(missing)])
    return frozenset(name for name, code, *rest in answer.topic_errors if _check_created(name, code, rest))


def _new_topic(spec: TopicSpec) -> NewTopic:
    return NewTopic(
        spec.name,
        spec.partitions,
        REPLICATION_BY_BROKER,
        replica_assignments={},  # the driver takes the broker's default only beside an empty assignment
        topic_configs=dict(spec.config),
    )


def _check_created(name: str, code: int, rest: list[str | None]) -> bool:
    error = driver.for_code(code)
    if error is driver.NoError:
        return True
    if error is driver.TopicAlreadyExistsError:  # another process was faster, which is fine
        return False
    if code in _NOT_ALLOWED:
        raise KafkaMisconfigured(
            f"there is no topic {name} that this user may see, and it may not make one: keyfold topics make"
        )
    detail = f"topic {name}: {error.__name__} {rest[0] if rest else ''}"
    raise Unavailable(detail) if error.retriable else KafkaMisconfigured(detail)


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str] | None]:
    """Return the configuration of each topic, None if it may not be seen."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    answers = await admin.describe_configs(resources)
    return {
        name: None if code in _NOT_ALLOWED else {entry[0]: entry[1] for entry in entries}
        for answer in answers
        for code, _, _, name, entries in answer.resources
    }
