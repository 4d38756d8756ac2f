"""Starts the relay."""

from functools import partial

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.partition_reader import end_offset
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.topic_watch import TopicWatch
from keyfold.kafka.topics import prepare_topics
from keyfold.relay import metrics
from keyfold.relay.forwarding import Forwarding
from keyfold.relay.settings import RelaySettings
from keyfold.runtime.authenticator import NoTokens
from keyfold.runtime.http import build_app
from keyfold.runtime.service import Process, run
from keyfold.runtime.waiting import wait_for
from keyfold.store.ledger.append import LEDGER_CHANNEL
from keyfold.store.ledger.reading import LedgerReader
from keyfold.store.ledger.relay_offset import RelayOffset
from keyfold.store.postgres.connection import open_pool
from keyfold.store.postgres.leadership import LeaderLock, Leadership
from keyfold.store.postgres.migrations import require_migrations
from keyfold.store.postgres.notifications import Notifications
from keyfold.store.postgres.readiness import DatabaseReadiness
from keyfold.store.postgres.roles import role_of
from keyfold.wire.topics import LIFECYCLE

NAME = "relay"
TOPICS = (LIFECYCLE,)


async def start(process: Process[RelaySettings]) -> None:
    """Wire the relay's parts, answer probes, and forward whenever no other relay does."""
    settings, clock = process.settings, process.clock
    dsn, kafka = settings.postgres_dsn.get_secret_value(), settings.kafka
    timeout_s = settings.startup_timeout_s
    await wait_for("PostgreSQL", partial(require_migrations, dsn), timeout_s=timeout_s, clock=clock)
    await wait_for("Kafka", partial(prepare_topics, kafka, TOPICS), timeout_s=timeout_s, clock=clock)
    pool = await process.enter(open_pool(dsn, application_name=NAME, size_max=4))
    publisher = await process.enter(Publisher(ProducerOptions(kafka=kafka, client_id="keyfold-relay")))
    notifications = await process.enter(Notifications(dsn, LEDGER_CHANNEL))
    forwarding = Forwarding(
        LedgerReader(pool),
        RelayOffset(pool),
        publisher,
        notifications,
        topic_end=partial(end_offset, kafka, LIFECYCLE.name),
        batch_rows_max=settings.relay_batch_rows_max,
    )
    leadership = Leadership(dsn, LeaderLock.RELAY)
    metrics.LEADING.set_function(lambda: leadership.leading)
    readiness = DatabaseReadiness(pool, role_of(NAME))
    process.health.add("database", readiness.check)
    process.health.add("forwarding", forwarding.unready)
    topics = TopicWatch(kafka, TOPICS)
    process.health.add("topics", topics.check)
    await process.serve(build_app(NAME, [], auth=NoTokens(), health=process.health, clock=clock))
    process.spawn("database readiness", readiness.watch())
    process.spawn("topic watch", topics.watch())
    process.spawn("forwarding", leadership.run(forwarding.run))


if __name__ == "__main__":
    run(NAME, RelaySettings, start)
