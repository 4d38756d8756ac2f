"""A replay from the command line: its report on standard output, its log on standard error."""

import asyncio
import sys
from dataclasses import asdict
from typing import NoReturn

import orjson
import structlog
import uvloop

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.errors import KafkaFailure
from keyfold.kafka.probe import require_answer
from keyfold.kafka.publisher import Publisher
from keyfold.projection.lifecycle_topic import LifecycleTopic
from keyfold.projection.replay import Replay, Report
from keyfold.projection.settings import ProjectionSettings
from keyfold.runtime import log as logs
from keyfold.runtime.clock import SYSTEM_CLOCK, Clock
from keyfold.runtime.failure import StopProcess, TryLater
from keyfold.runtime.service import EXIT_BAD_SETTINGS, EXIT_FAILED
from keyfold.runtime.settings.base import BadSettings, load
from keyfold.runtime.waiting import wait_for
from keyfold.store.postgres.connection import open_pool
from keyfold.wire.proof.seal import load_trusted_keys
from keyfold.wire.proof.state_digest import StateSecret

CLIENT_ID = "keyfold-replay"

log = structlog.get_logger(__name__)


def replay_command() -> NoReturn:
    """Replay and exit: 0 if the new generation serves, 1 if the old one still does, 2 for bad settings."""
    try:
        settings = load(ProjectionSettings)
    except BadSettings as bad:
        sys.stderr.write(f"keyfold replay cannot start; its settings are wrong:\n{bad}\n")
        sys.exit(EXIT_BAD_SETTINGS)
    logs.configure(service="replay", level=settings.log_level, style=settings.log_format)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            report = runner.run(_replay(settings, SYSTEM_CLOCK))
        except (StopProcess, TryLater, KafkaFailure) as failure:
            log.error("replay_failed", error=str(failure) or type(failure).__name__)
            sys.exit(EXIT_FAILED)
    sys.stdout.write(orjson.dumps(asdict(report)).decode() + "\n")
    sys.exit(0)


async def _replay(settings: ProjectionSettings, clock: Clock) -> Report:
    dsn, kafka = settings.postgres_dsn.get_secret_value(), settings.kafka
    timeout_s = settings.startup_timeout_s
    await wait_for("Kafka", lambda: require_answer(kafka), timeout_s=timeout_s, clock=clock)
    async with (
        Publisher(ProducerOptions(kafka=kafka, client_id=CLIENT_ID)) as publisher,
        open_pool(dsn, application_name="replay") as pool,
    ):
        topic = LifecycleTopic(
            kafka=kafka,
            dead_letters=publisher,
            client_id=CLIENT_ID,
            trusted=load_trusted_keys(settings.seal_public_keys.read_bytes()),
            accepts_unsealed=settings.unsealed_accepted,
        )
        secret = StateSecret(settings.state_secret_bytes)
        return await Replay(dsn=dsn, pool=pool, topic=topic, clock=clock, secret=secret).run()
