"""Starts the projection; with the argument `replay`, replays, reports and ends."""

import sys
from functools import partial

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.topic_watch import TopicWatch
from keyfold.kafka.topics import prepare_topics
from keyfold.projection.checking import keep_checking
from keyfold.projection.following import ProjectionLoop
from keyfold.projection.lifecycle_topic import CLIENT_ID, LifecycleTopic
from keyfold.projection.replay import Replay
from keyfold.projection.replay_command import replay_command
from keyfold.projection.settings import ProjectionSettings
from keyfold.runtime.authenticator import NoTokens
from keyfold.runtime.http import build_app
from keyfold.runtime.service import Process, run
from keyfold.runtime.waiting import wait_for
from keyfold.store.postgres.connection import open_pool
from keyfold.store.postgres.migrations import require_migrations
from keyfold.store.postgres.readiness import DatabaseReadiness
from keyfold.store.postgres.roles import role_of
from keyfold.store.read_model.snapshots import Snapshots
from keyfold.wire.proof.seal import load_trusted_keys
from keyfold.wire.proof.state_digest import StateSecret
from keyfold.wire.topics import DEAD_LETTER, LIFECYCLE

NAME = "projection"
TOPICS = (LIFECYCLE, DEAD_LETTER)


async def start(process: Process[ProjectionSettings]) -> None:
    """Wait for PostgreSQL, answer probes, and follow the ledger."""
    settings, clock = process.settings, process.clock
    dsn, kafka = settings.postgres_dsn.get_secret_value(), settings.kafka
    timeout_s = settings.startup_timeout_s
    secret = StateSecret(settings.state_secret_bytes)
    await wait_for("PostgreSQL", partial(require_migrations, dsn), timeout_s=timeout_s, clock=clock)
    await wait_for("Kafka", partial(prepare_topics, kafka, TOPICS), timeout_s=timeout_s, clock=clock)
    pool = await process.enter(open_pool(dsn, application_name=NAME))
    publisher = await process.enter(Publisher(ProducerOptions(kafka=kafka, client_id=CLIENT_ID)))
    topic = LifecycleTopic(
        kafka=kafka,
        dead_letters=publisher,
        trusted=load_trusted_keys(settings.seal_public_keys.read_bytes()),
        accepts_unsealed=settings.unsealed_accepted,
    )
    loop = ProjectionLoop(
        pool,
        topic,
        Replay(dsn=dsn, pool=pool, topic=topic, clock=clock, secret=secret),
        clock,
        secret,
        batch_events_max=settings.projection_batch_events_max,
        startup_timeout_s=timeout_s,
    )
    readiness = DatabaseReadiness(pool, role_of(NAME))
    process.health.add("database", readiness.check)
    process.health.add("read_model", loop.unready)
    topics = TopicWatch(kafka, TOPICS)
    process.health.add("topics", topics.check)
    await process.serve(build_app(NAME, [], auth=NoTokens(), health=process.health, clock=clock))
    process.spawn("database readiness", readiness.watch())
    process.spawn("topic watch", topics.watch())
    process.spawn("projection", loop.run())
    process.spawn("read model check", keep_checking(Snapshots(pool, secret)))


if __name__ == "__main__":
    if sys.argv[1:] == ["replay"]:
        replay_command()
    run(NAME, ProjectionSettings, start)
