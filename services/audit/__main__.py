"""Starts the audit service."""

from functools import partial

from libs.kafka.topic_watch import TopicWatch
from libs.kafka.topics import usable_topics
from libs.runtime.auth import open_bearer_tokens
from libs.runtime.collector import settle_collector
from libs.runtime.http import RateLimits, build_app
from libs.runtime.service import Process, run
from libs.runtime.waiting import wait_for
from libs.store import addresses
from libs.store.access_log_partitions import Partitions
from libs.store.connection import open_pool
from libs.store.logins import LoginBindings
from libs.store.migrations import migrated
from libs.store.readiness import DatabaseReadiness
from libs.store.roles import role_of
from libs.store.wholeness import account
from libs.wire.topics import ACCESS, DEAD_LETTER
from services.audit.asking import open_asking
from services.audit.consumer import open_consumer
from services.audit.maintenance import drop_old, make_ahead, repeat, sum_up
from services.audit.settings import AuditSettings

NAME = "audit"
TOPICS = (ACCESS, DEAD_LETTER)
ACCOUNTING_INTERVAL_S = 2.0


async def start(process: Process[AuditSettings]) -> None:
    """Wait for what is needed, then file and answer."""
    settings, clock = process.settings, process.clock
    dsn, kafka = settings.postgres_dsn.get_secret_value(), settings.kafka_bootstrap
    timeout_s = settings.startup_timeout_s
    await wait_for("PostgreSQL", partial(migrated, dsn), timeout_s=timeout_s, clock=clock)
    await wait_for("Kafka", partial(usable_topics, kafka, TOPICS), timeout_s=timeout_s, clock=clock)
    pool = await process.enter(open_pool(dsn, application_name=NAME, prepare=addresses.as_text))
    auth = await open_bearer_tokens(settings, LoginBindings(pool), clock=clock, timeout_s=timeout_s)
    partitions = Partitions(pool)
    await make_ahead(partitions, clock)
    following = await open_consumer(process, pool, partitions)
    readiness = DatabaseReadiness(pool, role_of(NAME))
    process.health.add("database", readiness.check)
    process.health.add("access_log", following.unready)
    topics = TopicWatch(kafka, TOPICS)
    process.health.add("topics", topics.check)
    routes = await open_asking(process)
    limits = RateLimits.of(settings)
    settle_collector()
    app = build_app(NAME, routes, auth=auth, health=process.health, clock=clock, limits=limits)
    await process.serve(app)
    process.spawn("database readiness", readiness.watch())
    process.spawn("topic watch", topics.watch())
    process.spawn("following", following.run())
    process.spawn("partitions ahead", repeat("partitions ahead", partial(make_ahead, partitions, clock)))
    process.spawn(
        "accounting", repeat("accounting", partial(account, pool), interval_s=ACCOUNTING_INTERVAL_S)
    )
    process.spawn("sums", repeat("sums", partial(sum_up, dsn, clock)))
    process.spawn("retention", repeat("retention", partial(drop_old, dsn, clock)))


if __name__ == "__main__":
    run(NAME, AuditSettings, start)
