"""Starts the audit service."""

from functools import partial

from keyfold.audit.ingest.consumer import open_consumer
from keyfold.audit.ingest.maintenance import drop_old, make_ahead, repeat, sum_up
from keyfold.audit.query.routes import open_query_routes
from keyfold.audit.settings import AuditSettings
from keyfold.kafka.topic_watch import TopicWatch
from keyfold.kafka.topics import prepare_topics
from keyfold.runtime.authenticator import open_bearer_tokens
from keyfold.runtime.collector import settle_collector
from keyfold.runtime.http import RateLimits, build_app
from keyfold.runtime.service import Process, run
from keyfold.runtime.waiting import wait_for
from keyfold.store.access_log import addresses
from keyfold.store.access_log.completeness.wholeness import update_wholeness
from keyfold.store.access_log.partitions import Partitions
from keyfold.store.ledger.logins import LoginBindings
from keyfold.store.postgres.connection import open_pool
from keyfold.store.postgres.migrations import require_migrations
from keyfold.store.postgres.readiness import DatabaseReadiness
from keyfold.store.postgres.roles import role_of
from keyfold.wire.topics import ACCESS, DEAD_LETTER

NAME = "audit"
TOPICS = (ACCESS, DEAD_LETTER)
WHOLENESS_INTERVAL_S = 2.0


async def start(process: Process[AuditSettings]) -> None:
    """Wait for PostgreSQL and Kafka, then ingest events and answer queries."""
    settings, clock = process.settings, process.clock
    dsn, kafka = settings.postgres_dsn.get_secret_value(), settings.kafka
    timeout_s = settings.startup_timeout_s
    await wait_for("PostgreSQL", partial(require_migrations, dsn), timeout_s=timeout_s, clock=clock)
    await wait_for("Kafka", partial(prepare_topics, kafka, TOPICS), timeout_s=timeout_s, clock=clock)
    pool = await process.enter(open_pool(dsn, application_name=NAME, prepare=addresses.use_text_codec))
    auth = await open_bearer_tokens(settings, LoginBindings(pool), clock=clock, timeout_s=timeout_s)
    process.health.add("token_keys", auth.jwks.check)
    process.spawn("token keys", auth.jwks.watch())
    partitions = Partitions(pool)
    await make_ahead(partitions, clock)
    ingest = await open_consumer(process, pool, partitions)
    readiness = DatabaseReadiness(pool, role_of(NAME))
    process.health.add("database", readiness.check)
    process.health.add("access_log", ingest.unready)
    topics = TopicWatch(kafka, TOPICS)
    process.health.add("topics", topics.check)
    routes = await open_query_routes(process)
    limits = RateLimits.of(settings)
    settle_collector()
    app = build_app(NAME, routes, auth=auth, health=process.health, clock=clock, limits=limits)
    await process.serve(app)
    process.spawn("database readiness", readiness.watch())
    process.spawn("topic watch", topics.watch())
    process.spawn("ingest", ingest.run())
    process.spawn("partitions ahead", repeat("partitions ahead", partial(make_ahead, partitions, clock)))
    process.spawn(
        "wholeness", repeat("wholeness", partial(update_wholeness, pool), interval_s=WHOLENESS_INTERVAL_S)
    )
    process.spawn("sums", repeat("sums", partial(sum_up, dsn, clock)))
    process.spawn("retention", repeat("retention", partial(drop_old, dsn, clock)))


if __name__ == "__main__":
    run(NAME, AuditSettings, start)
