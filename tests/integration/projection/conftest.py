"""For each test a read model, a topic, and what folds the topic into it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.projection.lifecycle_topic import LifecycleTopic
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.store.postgres.connection import open_pool
from keyfold.store.postgres.notifications import Notifications
from keyfold.store.read_model.reader import PROJECTION_CHANNEL, ReadModel
from keyfold.store.read_model.snapshots import Snapshots
from keyfold.wire.topics import LIFECYCLE
from tests.support.bed import Topics
from tests.support.projection.scene import Scene
from tests.support.seals import TRUSTED
from tests.support.state_secret import STATE_SECRET


@pytest.fixture
async def scene(database: str, kafka_access: KafkaAccess, topics: Topics) -> AsyncIterator[Scene]:
    """An empty database and an empty topic."""
    async with (
        open_pool(database, application_name="test") as pool,
        Publisher(ProducerOptions(kafka=kafka_access)) as publisher,
        Notifications(database, PROJECTION_CHANNEL) as notifications,
    ):
        topic = LifecycleTopic(
            kafka=kafka_access,
            dead_letters=publisher,
            trusted=TRUSTED,
            name=await topics("lifecycle", config=LIFECYCLE.config),
            dead_letter_name=await topics("dead-letter"),
        )
        yield Scene(
            dsn=database,
            pool=pool,
            publisher=publisher,
            topic=topic,
            read_model=ReadModel(pool, notifications),
            snapshots=Snapshots(pool, STATE_SECRET),
        )
