"""Topics are made by whoever starts the system, never by accident of a first write."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiokafka import errors as driver
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from libs.kafka.errors import Misconfigured, Unavailable, reading
from libs.wire.topics import TopicSpec

REPLICATION_BY_BROKER = -1


async def ensure_topics(
    bootstrap: str, specs: Iterable[TopicSpec], *, timeout_s: float = 15
) -> frozenset[str]:
    """Create the topics that are missing and return their names.

    A topic that exists is left as it is, whatever its configuration: an operator may have changed it.
    Raises Unavailable (nothing is lost, call again) or Misconfigured.
    """
    with reading():
        async with asyncio.timeout(timeout_s):
            admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=int(timeout_s * 1000))
            try:
                await admin.start()
                return await _create_missing(admin, {spec.name: spec for spec in specs})
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
    raise Unavailable(detail) if error.retriable else Misconfigured(detail)
