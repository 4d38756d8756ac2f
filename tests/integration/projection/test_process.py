"""The projection as a process of its own: its output and its exit status."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.topics import ensure_topics
from keyfold.local.process.ports import free_ports
from keyfold.local.servers.kafka import LocalKafka
from keyfold.runtime.settings.kafka import KafkaAccess
from keyfold.wire.topics import DEAD_LETTER, LIFECYCLE
from tests.support.bed import kafka_in
from tests.support.ledger_builder import LedgerBuilder, story
from tests.support.seals import write_trusted
from tests.support.state_secret import write_state_secret


async def run_to_its_end(
    *arguments: str, **settings: str
) -> tuple[int | None, bytes, list[dict[str, object]]]:
    """Run the projection until it exits; return its status, its output and its log."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "keyfold.projection",
        *arguments,
        env={f"KEYFOLD_{name.upper()}": value for name, value in settings.items()},
        stdout=PIPE,
        stderr=PIPE,
    )
    output, log = await process.communicate()
    return process.returncode, output, [orjson.loads(line) for line in log.splitlines()]


@pytest.fixture
async def broker(tmp_path_factory: pytest.TempPathFactory) -> LocalKafka:
    """A broker that is not started yet, for the topics with their real names."""
    return kafka_in(tmp_path_factory.mktemp("own-kafka"))


async def test_prints_a_report(database: str, broker: LocalKafka, tmp_path: Path) -> None:
    """A replay prints its report, and nothing else on its output."""
    await broker.start()
    settings = {"postgres_dsn": database, **broker.access.settings(), **files_in(tmp_path)}
    ledger = LedgerBuilder(story())
    try:
        await ensure_topics(broker.access, [LIFECYCLE, DEAD_LETTER])
        async with Publisher(ProducerOptions(kafka=broker.access)) as publisher:
            await publisher.publish(LIFECYCLE.name, 0, ledger.records())
        status, output, _ = await run_to_its_end("replay", **settings, log_format="json")
        assert (status, orjson.loads(output)["position"]) == (0, ledger.head.position)
    finally:
        await broker.stop()


def files_in(directory: Path) -> dict[str, str]:
    """Return the settings that name files."""
    return {
        "state_secret": str(write_state_secret(directory)),
        "seal_public_keys": str(write_trusted(directory)),
    }


@pytest.mark.parametrize("away", ["PostgreSQL", "Kafka"])
async def test_waits_for_what_is_away(
    database: str, kafka_access: KafkaAccess, tmp_path: Path, away: str
) -> None:
    """Without PostgreSQL or Kafka the process says what it waits for, and exits non-zero at the end."""
    (port,) = free_ports(1)
    nowhere = f"127.0.0.1:{port}"
    status, _, log = await run_to_its_end(
        postgres_dsn=f"postgresql://keyfold@{nowhere}/keyfold" if away == "PostgreSQL" else database,
        **(replace(kafka_access, bootstrap=nowhere) if away == "Kafka" else kafka_access).settings(),
        **files_in(tmp_path),
        startup_timeout_s="1.5",
        log_format="json",
        http_port="0",
    )
    assert status == 1
    assert next(line["what"] for line in log if line["event"] == "waiting") == away
    assert f"gave up waiting for {away} after 1.5 s" in str(log[-1]["error"])
