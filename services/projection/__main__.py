"""Wires the projection: validate, build, start, wait. With the argument `replay`: replay, report, exit."""

import sys

from libs.kafka.connection import ProducerOptions
from libs.kafka.publisher import Publisher
from libs.runtime.auth import NoTokens
from libs.runtime.http import build_app
from libs.runtime.service import Process, run
from libs.runtime.waiting import wait_for
from libs.store.connection import open_pool
from services.projection.following import Following
from services.projection.ledger_topic import LedgerTopic
from services.projection.replay import Replay
from services.projection.replay_command import replay_command
from services.projection.settings import ProjectionSettings


async def start(process: Process[ProjectionSettings]) -> None:
    """Wait for PostgreSQL, answer probes, and follow the ledger."""
    settings, clock = process.settings, process.clock
    dsn = settings.postgres_dsn.get_secret_value()
    pool = await wait_for(
        "PostgreSQL",
        lambda: process.enter(open_pool(dsn, application_name="projection")),
        timeout_s=settings.startup_timeout_s,
        clock=clock,
    )
    publisher = await process.enter(Publisher(ProducerOptions(bootstrap=settings.kafka_bootstrap)))
    topic = LedgerTopic(
        bootstrap=settings.kafka_bootstrap,
        dead_letters=publisher,
        dead_letter_ratio_max=settings.projection_dead_letter_ratio_max,
    )
    following = Following(
        pool,
        topic,
        Replay(dsn=dsn, pool=pool, topic=topic, clock=clock),
        clock,
        batch_events_max=settings.projection_batch_events_max,
        startup_timeout_s=settings.startup_timeout_s,
    )
    process.health.add("projection", following.unready)
    await process.serve(build_app("projection", [], auth=NoTokens(), health=process.health, clock=clock))
    process.spawn("following", following.run())


if __name__ == "__main__":
    if sys.argv[1:] == ["replay"]:
        replay_command()
    run("projection", ProjectionSettings, start)
