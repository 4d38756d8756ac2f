"""What Keyfold needs of Kafka, made and read: topics, users, and who may do what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from keyfold.kafka.operator.client import open_admin
from keyfold.kafka.operator.rights import add_grants, read_grants
from keyfold.kafka.operator.users import read_users, set_passwords
from keyfold.kafka.probe import require_answer
from keyfold.kafka.topics import ensure_topics
from keyfold.runtime.settings.kafka import KafkaAccess, SaslMechanism
from keyfold.wire.grants import Grant, Principal
from keyfold.wire.topics import ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was missing and has been made."""

    topics: frozenset[str]
    users: frozenset[str]
    grants: frozenset[Grant]


async def make(
    kafka: KafkaAccess,
    principals: Sequence[Principal],
    *,
    password_of: Callable[[str], str] | None = None,
    mechanism: SaslMechanism = "SCRAM-SHA-512",
) -> Made:
    """Make the topics, users and rights that are missing; what is there stays as it is.

    `password_of` returns the password of a user that is missing; without it none is made. Raises
    NoAuthorizer, before anything is made, Unavailable (call again) or KafkaMisconfigured.
    """
    await require_answer(kafka)  # it says why a broker lets nobody in, which the other client does not
    users = [] if password_of is None else [each.user for each in principals]
    made, grants = await make_users(kafka, principals, users, password_of or str, mechanism)
    return Made(topics=await ensure_topics(kafka, ALL), users=made, grants=grants)


async def make_users(
    kafka: KafkaAccess,
    principals: Sequence[Principal],
    users: Iterable[str],
    password_of: Callable[[str], str],
    mechanism: SaslMechanism,
) -> tuple[frozenset[str], frozenset[Grant]]:
    """Make users and rights as `make` does, and no topics; return what was missing."""
    return await asyncio.to_thread(_make, kafka, principals, users, password_of, mechanism)


async def read(kafka: KafkaAccess) -> frozenset[Grant]:
    """Return all rights on topics and groups. Raises NoAuthorizer, Unavailable or KafkaMisconfigured."""
    await require_answer(kafka)
    return await asyncio.to_thread(lambda: read_grants(open_admin(kafka)))


def _make(
    kafka: KafkaAccess,
    principals: Sequence[Principal],
    users: Iterable[str],
    password_of: Callable[[str], str],
    mechanism: SaslMechanism,
) -> tuple[frozenset[str], frozenset[Grant]]:
    admin = open_admin(kafka)
    missing = {grant for each in principals for grant in each.grants()} - read_grants(admin)
    wanted = frozenset(users)
    strangers = wanted - read_users(admin) if wanted else wanted
    set_passwords(admin, {user: password_of(user) for user in sorted(strangers)}, mechanism)
    add_grants(admin, missing)
    return strangers, frozenset(missing)
