"""Topics: made by whoever starts the system, never by accident of a first write, and looked at ever after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import structlog
from aiokafka import errors as driver
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from keyfold.kafka.errors import KafkaMisconfigured, Unavailable, reading
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
    bootstrap: str, specs: Iterable[TopicSpec], *, timeout_s: float = TIMEOUT_S
) -> frozenset[str]:
    """Create the topics that are missing and return their names.

    A topic that exists is left as it is: an operator may have changed it. What may be wrong with it,
    `usable_topics` says. Raises Unavailable (nothing is lost, call again) or Misconfigured.
    """
    async with _admin(bootstrap, timeout_s) as admin:
        return await _create_missing(admin, {spec.name: spec for spec in specs})


async def usable_topics(bootstrap: str, specs: Sequence[TopicSpec]) -> None:
    """Create the topics that are missing, and warn of that and of what is wrong with the others.

    Raises Misconfigured where that is fatal, and Unavailable.
    """
    created = await ensure_topics(bootstrap, specs)
    for spec in specs:
        if spec.name in created:
            log.warning(
                "topic_created", topic=spec.name, partitions=spec.partitions, config=dict(spec.config)
            )
    faults = await find_topic_faults(bootstrap, specs)
    if unheard := [fault.topic for fault in faults if fault.wrong == MISSING]:
        raise Unavailable(f"Kafka does not tell of {', '.join(unheard)} yet")
    for fault in faults:
        log.warning("topic_misconfigured", topic=fault.topic, wrong=fault.wrong, mend=fault.mend)
    if fatal := [str(fault) for fault in faults if fault.fatal]:
        raise KafkaMisconfigured(". ".join(fatal))


async def find_topic_faults(
    bootstrap: str, specs: Sequence[TopicSpec], *, timeout_s: float = TIMEOUT_S
) -> Sequence[TopicFault]:
    """Return what is wrong with the topics as they are now. Raises Unavailable or Misconfigured.

    Their configuration is looked at where this principal may see it; where not, that is a fault too.
    """
    async with _admin(bootstrap, timeout_s) as admin:
        described = {each["topic"]: each for each in await admin.describe_topics([s.name for s in specs])}
        configs = await _configs(admin, [spec.name for spec in specs])
    return [
        fault
        for spec in specs
        for fault in _faults(spec, described.get(spec.name, {}).get("partitions"), configs.get(spec.name, {}))
    ]


def _faults(
    spec: TopicSpec,
    partitions: Sequence[Mapping[str, Sequence[int]]] | None,
    config: Mapping[str, str] | None,
) -> Iterable[TopicFault]:
    """Return what is wrong with a topic; `config` is None where it may not be seen."""
    if not partitions:
        mend = "start a service that needs it: it is made, without what was in it"
        return [TopicFault(topic=spec.name, wrong=MISSING, mend=mend, fatal=True)]
    copies = min(len(each["replicas"]) for each in partitions)
    found = Topic(partitions=len(partitions), copies=copies, config=config or {})
    return [*topic_faults(spec, found), *([] if config is not None else [_unseen(spec)])]


def _unseen(spec: TopicSpec) -> TopicFault:
    return TopicFault(
        topic=spec.name,
        wrong="its configuration may not be seen, so it is not known whether records are kept",
        mend="allow this principal DescribeConfigs on it",
        fatal=False,
    )


@asynccontextmanager
async def _admin(bootstrap: str, timeout_s: float) -> AsyncIterator[AIOKafkaAdminClient]:
    with reading():
        async with asyncio.timeout(timeout_s):
            admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=int(timeout_s * 1000))
            try:
                await admin.start()
                yield admin
            finally:
                await admin.close()


async def _create_missing(admin: AIOKafkaAdminClient, specs: dict[str, TopicSpec]) -> frozenset[str]:
    missing = frozenset(specs) - frozenset(await admin.list_topics())
    if not missing:
        return missing
    answer = await admin.create_topics([_new_topic(specs[name]) for name in sorted(missing)])
    return frozenset(name for name, code, *rest in answer.topic_errors if _created(name, code, rest))


def _new_topic(spec: TopicSpec) -> NewTopic:
    return NewTopic(
        spec.name,
        spec.partitions,
        REPLICATION_BY_BROKER,
        replica_assignments={},  # the driver takes the broker's default only beside an empty assignment
        topic_configs=dict(spec.config),
    )


def _created(name: str, code: int, rest: list[str | None]) -> bool:
    error = driver.for_code(code)
    if error is driver.NoError:
        return True
    if error is driver.TopicAlreadyExistsError:  # another process was faster, which is as good
        return False
    detail = f"topic {name}: {error.__name__} {rest[0] if rest else ''}"
    raise Unavailable(detail) if error.retriable else KafkaMisconfigured(detail)


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str] | None]:
    """Return the configuration of each topic, None where it may not be seen."""
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    answers = await admin.describe_configs(asked)
    return {
        name: None if code in _NOT_ALLOWED else {entry[0]: entry[1] for entry in entries}
        for answer in answers
        for code, _, _, name, entries in answer.resources
    }
